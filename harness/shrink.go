package harness

import (
	"retain/generators"
	"retain/model"
)

// Shrunk is what a reduction of a failed run came to.
type Shrunk struct {
	generators.Reduction
	// Rate is how often the reduced plan failed in fresh executions after the
	// reduction.
	Rate generators.Rate
	// Run is an execution of the reduced plan that failed, nil if none did.
	Run *Run
	// Witness is the smallest part of a failed history that has no legal order,
	// nil for a violation that no order shows.
	Witness *model.History
	// Problem is what kept its files from being saved, nil for nothing.
	Problem error
}
