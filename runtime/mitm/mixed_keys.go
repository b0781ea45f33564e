package mitm

// learn keeps the answer to a key for the incarnations to come.
func (t *interceptor) learn(c *call, a *answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.bugs.on(MixedKeys) || c.key == "" || !a.ok() {
		return
	}
	s := c.scope()
	if t.answered[s] == nil {
		t.answered[s] = map[int]*answer{}
	}
	t.answered[s][t.incarnation] = a.saying(a.body)
}

// mixUp is the answer that another key got in an earlier incarnation, the latest, if
// the bug takes it for that of this call.
func (t *interceptor) mixUp(c *call) *answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.key == "" {
		return nil
	}
	var old *answer
	latest := 0
	for incarnation, a := range t.answered[c.scope()] {
		if incarnation < t.incarnation && incarnation > latest {
			latest, old = incarnation, a
		}
	}
	if old == nil || !t.bugs.takes(MixedKeys) {
		return nil
	}
	t.strike(MixedKeys, "%s/%s %s with the key %q is answered %q", c.service, c.object, c.op, c.key, old.body)
	t.keep(c, old)
	return old
}
