package sdk

import (
	"context"
	"path/filepath"
	"regexp"

	"retain/service/java"
)

// javaLeast is the oldest Java that its SDK runs on.
const javaLeast = "17"

const installJDK = "install a JDK (Debian: apt-get install openjdk-17-jdk-headless; others: adoptium.net), or set JAVA_HOME to one"

var (
	javaTool = tool{
		name: "java", title: "Java", home: "JAVA_HOME", least: javaLeast, install: installJDK,
		ask: []string{"-version"}, version: regexp.MustCompile(`version "([0-9.]+)`),
	}
	javacTool = tool{
		name: "javac", title: "the Java compiler of a JDK", home: "JAVA_HOME", least: javaLeast, install: installJDK,
		ask: []string{"-version"}, version: regexp.MustCompile(`javac ([0-9.]+)`),
	}
	mavenTool = tool{
		name: "mvn", title: "Maven", least: "3.6.3", install: "install it (Debian: apt-get install maven; others: maven.apache.org)",
		ask: []string{"--batch-mode", "--version"}, version: regexp.MustCompile(`Apache Maven (?:\x1b\[\d*m)*([0-9.]+)`),
	}
)

var _ = register(Java, language{
	title: "Java", sources: java.Source,
	find: func(ctx context.Context, build bool) (tools, error) {
		wanted := []tool{javaTool}
		if build {
			wanted = append(wanted, javacTool, mavenTool)
		}
		return findAll(ctx, Java, wanted...)
	},
	build: func(ctx context.Context, t tools, dir string) error {
		return buildWith(ctx, dir, t.programs["mvn"], "--batch-mode", "--no-transfer-progress", "--quiet", "package")
	},
	command: func(t tools, dir, temp string) []string {
		// The options make it start sooner on two cores, and leave no files behind.
		return []string{
			t.programs["java"], "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.io.tmpdir=" + temp,
			"-jar", filepath.Join(dir, "target", "service.jar"),
		}
	},
})
