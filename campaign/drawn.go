package campaign

import "slices"

// Drawn is how a plan was drawn, by the sitting that judged it, or, if none did, by
// the last that drew it: a plan that was under way at a kill is drawn again.
func (c *Campaign) Drawn(number int) (s *Sitting, d Drawn, found bool) {
	for i := range c.Sittings {
		drawn, has := c.Sittings[i].Drawn[number]
		if !has {
			continue
		}
		s, d, found = &c.Sittings[i], drawn, true
		if slices.ContainsFunc(s.Plans, func(j Judged) bool { return j.Number == number }) {
			break
		}
	}
	return s, d, found
}
