// Package python has the sources of the reference service on the Python SDK.
package python

import "embed"

// Source is what pip and Python make the service of. It is part of the program, so that a
// test binary has it wherever it runs.
//
//go:embed requirements.txt *.py
var Source embed.FS
