package harness

// Admission is one line in which the server itself says that something is lost or
// broken.
type Admission struct {
	// Line is the line of its log, or a sentence about a row of its tables.
	Line string `json:"line"`
	// Class is what it admits, as the guarantee names it: "the server reports
	// <class>".
	Class string `json:"class"`
	// Life counts the server's lives from 1, 0 if it is not known.
	Life int `json:"life"`
}
