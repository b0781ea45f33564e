// Package binary finds a restate-server to run: one the user names, one on the
// PATH, or the one of the npm package, installed once into the cache by the npm
// client. None is believed before it has said which version it is. The package
// also knows what all servers under test have in common: the environment they
// get and the log line that names their build.
package binary
