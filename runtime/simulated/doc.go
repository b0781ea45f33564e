// Package simulated is a runtime in this process, over the model: it speaks the
// ingress protocol of a Restate server, keeps what it accepted across its own
// stops and kills, holds operations at gates and reports evidence. Bugs can be
// planted in it by name. It exists to test the suite, and says nothing about
// Restate.
//
// # What it does as a server does
//
//   - Virtual objects of the contract (Counter, MapObject, ListObject, Register, Mailbox)
//     and the probe; handlers of the kinds that the reference service declares.
//     An exclusive handler waits its turn behind the others of its object,
//     shared ones run at once and see what an unfinished one has done.
//   - An invocation is durable from its acceptance: it is entered again after a
//     restart until it is finished, and what its journal holds is not done again.
//   - Idempotency keys, in the scope of service, key and handler: the first
//     answer stands, a failure too, also for another body; a second call of an
//     open invocation waits with the first.
//   - A start takes time: refused connections, connections without an answer,
//     health, and only then calls, partition by partition. A call that is too
//     early waits, and now and then gets a 503, which says nothing about its effect.
//   - A send is answered when it is accepted. A delay is kept over restarts, by the clock.
//     A handler may send to its own object, and sleep.
//   - A kill cuts every connection at once and loses requests that were written
//     and not accepted yet. A stop lets calls finish for a while, then cuts them.
//   - The status codes, headers and bodies of the ingress, as recorded from
//     servers 1.6 and 1.7.
//
// # What it does not simulate
//
// Storage (nothing is written, torn or corrupted), load, memory, more than one
// node, upgrades, awakeables, workflows, calls between handlers,
// HTTP/2, the SDK (there is no protocol between runtime and
// handler, so no suspension and no stream to break), retries with back-off,
// retention that ends, the admin API beyond health, version, services,
// deployments, three tables and the cancellation of what has not begun, and a handler that sets two state keys one by
// one. A journal is one bit: the effect is in it or not. A frozen server's timers
// go on. With [Options.TCP] the port accepts connections from the spawn on.
//
// # Planted bugs
//
// [Bugs] lists them. A bug knows requests and restarts, nothing else; it strikes
// only where its condition holds, at each opportunity with the probability
// [Options.Rate]. Whether it strikes follows from [Options.Seed], the object and
// the number of the opportunity, not from the order in which goroutines run.
package simulated
