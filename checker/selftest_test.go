package checker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"retain/model"
)

// dump prints a history so that it can be made a test.
func dump(h *model.History) string {
	var b bytes.Buffer
	for _, o := range h.Operations {
		end := "?"
		switch {
		case o.Outcome == model.Failed:
			end = fmt.Sprintf("%d!", o.Return.Seq)
		case o.Outcome == model.OK:
			end = fmt.Sprint(o.Return.Seq)
		case o.Resolution != nil:
			end = fmt.Sprintf("? @%d", o.Resolution.At.Seq)
		}
		fmt.Fprintf(&b, "%s %s %d %s %s", o.Process, o.Object, o.Call.Seq, end, o.Op)
		if o.Answer != nil {
			fmt.Fprintf(&b, " => %s", o.Answer)
		} else if o.Resolution != nil {
			fmt.Fprintf(&b, " => %s", o.Resolution.Answer)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestFastAgreesWithBruteForce(t *testing.T) {
	for _, kind := range model.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(77, 3))
			counts := map[string]int{}
			object := model.Object{Kind: kind}
			for n := range 20000 {
				s := drawSimulation(rng, kind, 3+rng.IntN(6))
				h := s.run()
				mutant := ""
				if n%4 > 0 {
					m := mutations[rng.IntN(len(mutations))]
					if !m.do(rng, h) {
						continue
					}
					mutant = m.name
				}
				if err := h.Validate(); err != nil {
					t.Fatalf("%s: %v\n%s", mutant, err, dump(h))
				}
				for _, view := range []model.View{model.Resolved, model.Raw} {
					b := objectsOf(h)[0]
					records := b.records
					if view == model.Raw {
						records = b.raw(h)
					}
					want := Violation
					if bruteForce(h, object, view) {
						want = Pass
					}
					c := &check{h: h, o: Options{SecondOpinion: -1}.withDefaults(), until: farAway, memory: 1 << 30}
					f := c.decide(kind, records)
					counts[fmt.Sprintf("%s %s", f.By, f.Verdict)]++
					if f.Verdict != want {
						t.Fatalf("%s: %s says %s, brute force %s\n%s", mutant, f.By, f.Verdict, want, dump(h))
					}
					if v, _ := runWindow(kind, records, c.search()); kind != model.Map && f.By != ByAnswer && v != want {
						t.Fatalf("%s: window says %s, brute force %s\n%s", mutant, v, want, dump(h))
					}
					if v := c.search().run(kind, records); f.By != ByAnswer && v != want {
						t.Fatalf("%s: porcupine says %s, brute force %s\n%s", mutant, v, want, dump(h))
					}
				}
			}
			t.Log(counts)
		})
	}
}

var farAway = time.Now().Add(time.Hour)
