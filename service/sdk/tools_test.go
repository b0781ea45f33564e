package sdk

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/reaper"
)

// program puts a program into a directory, which is all of the PATH.
func program(t *testing.T, dir, name, body string) {
	t.Helper()
	t.Setenv("PATH", dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
}

// missing returns a check of what a preparation with the programs so far says.
func missing(t *testing.T, n Name) (dir string, fails func(parts ...string)) {
	t.Setenv(reaper.EnvCache, t.TempDir())
	dir = t.TempDir()
	t.Setenv("PATH", dir)
	return dir, func(parts ...string) {
		t.Helper()
		err := Prepare(bounded(t, time.Minute), n, Options{})
		oneLine(t, err, parts...)
		assert.NotContains(t, err.Error(), "\n")
		assert.NoDirExists(t, filepath.Join(os.Getenv(reaper.EnvCache), "services"), "nothing was started")
	}
}

func TestMissingOrOldToolsOfJavaAreOneLineWithWhatToInstall(t *testing.T) {
	t.Setenv("JAVA_HOME", "")
	dir, fails := missing(t, Java)
	const jdk, maven = "install a JDK (Debian: apt-get install openjdk-17-jdk-headless", "install it (Debian: apt-get install maven"
	fails("-sdk java needs Java 17 or newer, and there is no java: ", jdk)
	program(t, dir, "java", `echo 'openjdk version "11.0.2" 2019-01-15' >&2`)
	fails("-sdk java needs Java 17 or newer, and "+dir+"/java is 11.0.2: ", jdk)
	program(t, dir, "java", `echo 'java version "1.8.0_372"' >&2`)
	fails("/java is 1.8.0: ", jdk)
	program(t, dir, "java", `echo 'The operation couldn’t be completed. Unable to locate a Java Runtime.' >&2; exit 1`)
	fails("/java does not say its version (The operation", jdk)
	program(t, dir, "java", `echo 'openjdk version "21" 2023-09-19' >&2`)
	fails("-sdk java needs the Java compiler of a JDK 17 or newer, and there is no javac: ", jdk)
	program(t, dir, "javac", `echo 'javac 17.0.15'`)
	fails("-sdk java needs Maven 3.6.3 or newer, and there is no mvn: ", maven)
	program(t, dir, "mvn", `echo 'Apache Maven 3.5.4 (1edded0938998edf8bf061f1ceb3cfdeccf443fe; 2018-06-17)'`)
	fails("/mvn is 3.5.4: ", maven)
	t.Setenv("JAVA_HOME", filepath.Join(dir, "gone"))
	fails("there is no java: ", "set JAVA_HOME to one")
}

func TestVersionsAreComparedByTheirNumbers(t *testing.T) {
	for _, c := range []struct {
		version, least string
		older          bool
	}{
		{"17", "17", false}, {"17.0.15", "17", false}, {"21.0.1", "17", false}, {"9", "17", true}, {"11.0.2", "17", true},
		{"3.6.3", "3.6.3", false}, {"3.10.0", "3.6.3", false}, {"3.6", "3.6.3", true}, {"4.0.0-rc-4", "3.6.3", false}, {"", "1", true},
	} {
		assert.Equal(t, c.older, older(c.version, c.least), "%s, at least %s", c.version, c.least)
	}
}

func TestUnknownSDKIsRefusedWithTheList(t *testing.T) {
	for _, n := range Names() {
		require.NoError(t, n.Check())
	}
	assert.ErrorContains(t, Name("Java").Check(), "-sdk Java: want go")
	assert.NoError(t, Prepare(t.Context(), Go, Options{}))
	_, err := Start(t.Context(), Go, Options{})
	assert.ErrorIs(t, err, errInProcess)
}

func TestMissingOrOldToolsOfPythonAreOneLineWithWhatToInstall(t *testing.T) {
	dir, fails := missing(t, Python)
	fails("-sdk python needs Python 3.10 or newer, and there is no python3: ", "apt-get install python3 python3-venv")
	program(t, dir, "python3", "echo Python 3.9.18")
	fails("-sdk python needs Python 3.10 or newer, and "+dir+"/python3 is 3.9.18: ", "python.org")
	program(t, dir, "python3", "case $* in --version) echo Python 3.11.2;; *venv*) echo No module named ensurepip >&2; exit 1;; esac")
	fails("and "+dir+"/python3 has not both: install them (Debian: apt-get install python3-venv)", "venv and ensurepip")
}

func TestMissingOrOldToolsOfTypeScriptAreOneLineWithWhatToInstall(t *testing.T) {
	const install = "install Node.js with npm (Debian: apt-get install nodejs npm"
	dir, fails := missing(t, TypeScript)
	fails("-sdk typescript needs npm 8 or newer, and there is no npm: ", install)
	program(t, dir, "npm", "echo 6.14.18")
	fails("-sdk typescript needs npm 8 or newer, and "+dir+"/npm is 6.14.18: ", install)
}

// Node.js is looked for when a service starts, too: the one that npm brought is another build.
func TestNodeOfNpmRunsTheServiceWhereNodeIsTooOldOrMissing(t *testing.T) {
	dir, _ := missing(t, TypeScript)
	where := func() (string, string) {
		found, err := findNode(bounded(t, time.Minute), false)
		require.NoError(t, err)
		key, err := languages[TypeScript].key(found)
		require.NoError(t, err)
		return languages[TypeScript].command(found, "build", "")[0], key
	}
	own := filepath.Join("build", "node_modules", nodePackage(), "bin", "node")
	absent, withOwn := where()
	assert.Equal(t, own, absent)
	for version, want := range map[string]string{"v20.20.2": own, "v22.17.1": own, "v22.18.0": dir + "/node", "v24.0.0": dir + "/node"} {
		program(t, dir, "node", "echo "+version)
		got, key := where()
		assert.Equal(t, want, got, version)
		assert.Equal(t, want == own, key == withOwn, version)
	}
}
