// Package generators draws plans: whole programs of a run, decided before anything
// starts. It is pure.
//
// A [Plan] is one flat list of steps. Every operation step belongs to a client. A client
// runs its steps in the order of the list, one at a time. Fault steps belong to no
// client: the harness executes them in the order of the list. A plan means the same on
// a machine of any speed:
//
//   - A fault is a barrier. Operations after it begin only once it has begun; in a plan
//     that waits for readiness, once the runtime is ready again, if the fault starts it.
//     Operations before it may still be open.
//   - An operation that a fault's trigger holds at a gate is a barrier too: operations
//     after it begin once it is held there, or is over. A read between it and the fault
//     sees its effect.
//   - The [Trigger] of a fault decides when it begins.
//   - A step that can't apply (start when up, stop when down, resume when not paused)
//     does nothing. A trigger whose step is gone, over or did nothing is due at once.
//     When no client can advance, the next fault is due.
//   - After the last step the harness heals: it opens every gate, resumes and starts the
//     runtime, and reads every object.
//
// A plan may have a [Load]: clients beside the program that always have an operation
// open. [Load.Client] gives their operations one by one; they are not steps. A plan means
// the same on a machine of any speed here too, but for how many of them there are: a fault
// waits until so many were answered since the last one ([Load.Between]), or are in flight
// ([InFlight]).
//
// Values are distinct, additions of 1, and what only a search can decide stays on objects
// that few clients share: a checker decides the histories of 64 clients in well under a
// second.
//
// [Reduce] makes a plan that fails smaller: without its load if it can, else with the
// smallest load that fails in half of the executions.
package generators
