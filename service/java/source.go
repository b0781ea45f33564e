// Package java has the sources of the reference service on the Java SDK.
package java

import "embed"

// Source is what Maven builds the service from. It is part of the program, so that a test
// binary has it wherever it runs.
//
//go:embed pom.xml src
var Source embed.FS
