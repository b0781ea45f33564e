package harness

// RuledOut is one way in which a violation could be ours instead of the
// runtime's, and what a check of it showed.
type RuledOut struct {
	// What is "checker", "not sent", "not ready", "late" or "wrong server".
	What string `json:"what"`
	// Fact is what was seen: "porcupine agrees", "1 attempt, handler ran once, 200".
	Fact string `json:"fact"`
	// Out is true if the fact rules it out. False says that it could not be ruled
	// out.
	Out bool `json:"out"`
}
