// Package versions holds what differs between versions of the server and is no bug.
//
// differences.json has an entry for each: behaviour that a release brought or ended;
// refusals and losses, the pairs of versions of which the older one does not serve what
// the newer one left, or not as before; gaps, the steps upward that leave out a version that
// must be started; and the steps that were measured. Code that decides by a version asks [Has] for an entry of the file. A test
// holds the file to differences.schema.json; docs/versions.md shows it.
package versions
