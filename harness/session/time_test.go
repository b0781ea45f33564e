package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/harness"
)

func TestSlowSessionIsExtendedToEnoughPlans(t *testing.T) {
	for _, c := range []struct {
		name  string
		plans int
		least int
		next  int
		late  time.Duration // since the session's time was up
		drawn bool
	}{
		{"in time", 0, harness.Judgeable, 90, -time.Second, true},
		{"late, with enough plans", 0, harness.Judgeable, harness.Judgeable, time.Second, false},
		{"late, with too few", 0, harness.Judgeable, harness.Judgeable - 1, time.Second, true},
		{"late, of a campaign", 0, 0, 3, time.Second, false},
		{"much too late", 0, harness.Judgeable, 3, 2 * time.Minute, false},
		{"a number of plans takes what it takes", 30, harness.Judgeable, 29, time.Hour, true},
		{"and no more", 30, harness.Judgeable, 30, -time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &session{Options: Options{Plans: c.plans, Time: time.Minute, AtLeast: c.least}, next: c.next, ends: time.Now().Add(-c.late)}
			n, drawn := s.take(t.Context())
			assert.Equal(t, c.drawn, drawn)
			if drawn {
				assert.Equal(t, c.next, n)
			}
		})
	}
}
