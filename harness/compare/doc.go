// Package compare executes one plan, or one row of drawn plans, on several versions of the
// server, and tells which of them break a guarantee and which do not.
package compare
