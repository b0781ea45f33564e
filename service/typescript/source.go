// Package typescript has the sources of the reference service on the TypeScript SDK.
package typescript

import "embed"

// Source is what npm and Node.js make the service of. It is part of the program, so that a
// test binary has it wherever it runs.
//
//go:embed package.json package-lock.json src
var Source embed.FS
