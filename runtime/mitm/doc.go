// Package mitm puts a man in the middle between the clients and the ingress
// of any runtime, and lets him commit bugs that durable runtimes have had. Like
// the bugs planted in package simulated, these exist to test the suite; unlike
// them they were written from the interface of package runtime and the ingress
// protocol alone, LostUpdate and MixedKeys by somebody who had not seen how plans
// are drawn or histories judged. That they are found is evidence about unknown bugs.
//
//	server := simulated.New(simulated.Options{Nonce: nonce})
//	wrapped := mitm.New(server, mitm.Options{Bugs: []mitm.Bug{mitm.LostUpdate}})
//	system := &harness.System{Runtime: wrapped, Control: server, Nonce: nonce}
//
// # What it passes on
//
// Everything that no bug touches, as it is: each connection of a client is one
// connection to the server, refused where the server refuses it and closed when
// the server closes it; statuses, headers and bodies are the server's. Requests
// to the admin API do not pass through here. A response that the server sends
// piece by piece arrives whole or not at all.
//
// # What it changes
//
// [Bugs] lists the bugs. A bug knows requests, answers and starts, nothing else;
// it strikes only where its condition holds, at each opportunity with the
// probability [Options.Rate], as [Options.Seed] decides.
package mitm
