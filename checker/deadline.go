package checker

import "time"

// elementsPerLook is the number of elements between two checks of the budget.
const elementsPerLook = 1 << 13

// deadline ends a long loop: it checks the budget every [elementsPerLook] elements.
type deadline struct {
	until  time.Time
	effort *effort
	seen   int
	out    bool
}

// gone reports whether the budget is spent, n elements after the last call. A nil
// deadline has no end.
func (p *deadline) gone(n int) bool {
	if p == nil {
		return false
	}
	if p.seen += n; p.seen >= elementsPerLook && !p.out {
		p.effort.spend(perElement * p.seen)
		p.seen, p.out = 0, p.effort.spent() || time.Now().After(p.until)
	}
	return p.out
}
