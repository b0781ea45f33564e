package campaign

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"sync"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/runtime"
)

// Options of a campaign.
type Options struct {
	// Session says how plans run: Open, Base, Bounds, Check, Late and KeepData are
	// those of every session; the rest is the campaign's own.
	Session session.Options
	// Start says what the campaign is: Seed, Shard, Duration, Workers and what
	// describes it. Version, Segment, At, Go and Platform are filled in. Of a
	// campaign that is resumed, Seed and Duration may be 0: as they were.
	Start Start
	// Dir is the campaign's directory. If it has records of this shard, the campaign
	// goes on. No other process may work on the shard there meanwhile.
	Dir string
	// Canaries are the planted bugs, the first that can be planted is: see [Planted].
	Canaries []Planted
	// CanaryEvery is the time between two canaries; 0 is an hour.
	CanaryEvery time.Duration
	// ShrinkBudget bounds the reduction of one finding, its measurement included; all
	// together take at most a quarter of the campaign's duration. 0 is none.
	ShrinkBudget time.Duration
	// Subject is what is under test, for the cases that findings become.
	Subject func(runtime.Identity) regress.Subject
	// OnFinding is called with a new violation, and again with its reduction. flags are those
	// that a replay needs beside the campaign's.
	OnFinding func(r harness.Run, s *regress.Shrunk, flags []string)
	// OnStart, if not nil, is called when the campaign is under way. progress reports how
	// far it is, until its end.
	OnStart func(progress func() Progress)
	// Chunk is how long one session is; 0 is a quarter of an hour. At its end its
	// servers are replaced and the ledger is read.
	Chunk time.Duration
}

const (
	defaultChunk  = 15 * time.Minute
	defaultCanary = time.Hour
	// reductionShare is the part of a campaign's duration that reductions may take:
	// one in so many.
	reductionShare = 4
	// maxIdleSessions is how many sessions in a row may judge no plan until the campaign
	// ends.
	maxIdleSessions = 3
)

// campaign is one under way.
type campaign struct {
	Options
	records *writer
	release func() // lets go of the shard
	began   time.Time
	before  time.Duration // what earlier segments used of the time
	ends    time.Time

	mu       sync.Mutex
	weights  *weights
	totals   Totals
	next     int               // the first number that was never drawn
	turns    turns             // of a campaign of upgrades
	paths    map[int]int       // the paths of drawn plans, by number
	redraw   []PlanDrawn       // to be drawn again: their segment or session ended too soon
	memo     map[int]plan      // of this session, by its own numbers
	pending  map[int]PlanDrawn // drawn in this session and not judged
	failed   []harness.Run     // violations of this session
	known    map[string]int    // findings by their signature's fingerprint
	excused  map[string]int    // folders of known findings that are kept, by link
	same     map[int]int       // findings that turned out to be others
	kept     map[int]int       // findings' folders that are kept
	canary   time.Time         // the last one
	missed   int               // canaries that were not caught
	reducing time.Duration     // spent so far
	doing    string            // what is done beside plans
	offset   int               // runtimes of earlier sessions
	highest  int               // runtime so far
	judged   int               // plans of this session with a verdict on the server
	plans    int               // plans of this segment
	inside   time.Duration     // of this segment
	ledger   int               // objects
	spent    harness.WorkerTime
}

type plan struct {
	drawn PlanDrawn
	plan  generators.Plan
}

// Conduct conducts a campaign until its time is over or the context ends, and
// reads what it came to. The error is nil unless it could not begin, or could not
// go on: then what was recorded until then is returned beside it.
func Conduct(ctx context.Context, o Options) (*Campaign, error) {
	c, err := begin(o)
	if err != nil {
		return nil, err
	}
	defer c.release()
	if o.OnStart != nil {
		o.OnStart(c.progress)
	}
	why := c.watched(ctx, c.all)
	if err := c.end(ctx, why); err != nil {
		return nil, err
	}
	result, err := Read(o.Dir)
	return result, errors.Join(why, err)
}

// begin opens the segment, after those that are on record.
func begin(o Options) (_ *campaign, err error) {
	c := &campaign{
		Options: o, began: time.Now(), totals: NewTotals(), memo: map[int]plan{}, pending: map[int]PlanDrawn{},
		known: map[string]int{}, excused: map[string]int{}, same: map[int]int{}, kept: map[int]int{}, turns: newTurns(o.Start.Upgrade), paths: map[int]int{},
	}
	c.Start.RapidSteps = generators.Draw(1, 0, generators.Options{}).RapidSteps
	c.Start.Shard.Of = max(1, c.Start.Shard.Of)
	c.next = c.Start.Shard.Index
	if _, err := os.Stat(filepath.Join(o.Dir, RecordsDir)); errors.Is(err, fs.ErrNotExist) {
		if err := c.fresh(); err != nil {
			return nil, err // and nothing was made
		}
	}
	if c.release, err = claim(o.Dir, c.Start.Shard); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.release()
		}
	}()
	if err := c.resume(); err != nil {
		return nil, err
	}
	if c.weights == nil {
		c.weights = newWeights(c.Start)
	}
	c.ends = c.began.Add(max(0, c.Start.Duration-c.before))
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails, by its documentation
	b := &c.Start
	b.Version, b.At, b.Segment = Version, c.began.UTC(), c.began.UTC().Format("20060102T150405.000")+"-"+hex.EncodeToString(random)
	b.Workers = max(1, b.Workers)
	b.Go = goruntime.Version()
	b.Platform = fmt.Sprintf("%s/%s %d cpus", goruntime.GOOS, goruntime.GOARCH, goruntime.NumCPU())
	if c.records, err = newWriter(o.Dir, *b); err != nil {
		return nil, err
	}
	return c, nil
}

// watched does something while this process is measured.
func (c *campaign) watched(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	watchers.Go(func() { c.every(ctx, SampleEvery, func() { c.records.write(sample()) }) })
	err := do(ctx)
	cancel()
	watchers.Wait()
	return err
}

// every does something at once, then again and again, and once more at the end.
func (c *campaign) every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		do()
		select {
		case <-tick.C:
		case <-ctx.Done():
			do()
			return
		}
	}
}

// all is the course of a campaign.
func (c *campaign) all(ctx context.Context) error {
	c.recoverViolations(ctx)
	for idle := 0; (time.Now().Before(c.ends) || c.lacksTurns()) && ctx.Err() == nil; {
		if c.Start.Upgrade == nil && time.Since(c.canary) >= c.canaryEvery() {
			c.runCanary(ctx)
			continue
		}
		err := c.session(ctx)
		if e := c.records.failed(); e != nil {
			return e
		}
		if c.judged > 0 || ctx.Err() != nil {
			idle = 0
			continue
		}
		if idle++; idle == maxIdleSessions {
			return errors.Join(fmt.Errorf("the campaign ends: %d sessions in a row judged no plan", maxIdleSessions), err)
		}
	}
	return nil
}

func (c *campaign) canaryEvery() time.Duration {
	if c.CanaryEvery > 0 {
		return c.CanaryEvery
	}
	return defaultCanary
}

// session conducts plans until the first that violates, the next canary, or the
// chunk's end, and then sees to what it found.
func (c *campaign) session(ctx context.Context) error {
	chunk := c.chunk()
	o := c.sessionOn(c.turns.path)
	o.Draw, o.OnRun, o.Dir = c.draw, func(r harness.Run) { c.run(ctx, r) }, c.Dir
	o.OnPhase = func(p session.Phase) { c.does(string(p)) }
	o.Plans, o.Workers, o.Fresh, o.Known = 0, c.Start.Workers, false, c.Start.Known
	o.Time = chunk
	if c.Start.Upgrade != nil {
		o.AtLeast = max(0, SystematicFirst-c.turns.next[c.turns.path])
	}
	began := time.Now()
	c.does("")
	c.judged, c.offset = 0, c.highest
	s, err := session.Conduct(ctx, o)
	c.mu.Lock()
	if c.Start.Upgrade != nil {
		c.turns.spent[c.turns.path] += time.Since(began)
	}
	for _, d := range c.pending {
		c.redraw = append(c.redraw, d)
	}
	clear(c.memo)
	clear(c.pending)
	failed := c.failed
	c.failed = nil
	if s != nil {
		c.ledger += s.Ledger.Objects
		c.spent.Add(s.WorkerTime)
	}
	c.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		c.note(harness.Harness, "a session could not begin: "+err.Error())
	}
	for _, r := range failed {
		c.addViolation(ctx, r)
	}
	return err
}

// chunk is how long the next session may be.
func (c *campaign) chunk() time.Duration {
	out := c.Chunk
	if out == 0 {
		out = defaultChunk
	}
	out = min(out, time.Until(c.ends))
	if u := c.Start.Upgrade; u != nil {
		out = min(out, c.turns.begin(c.Start.Duration/time.Duration(len(u.Paths))))
	} else {
		out = min(out, time.Until(c.canary.Add(c.canaryEvery())))
	}
	return max(out, time.Second)
}

// draw gives the session's plan n, always the same. It is on record before it
// runs.
func (c *campaign) draw(n int) generators.Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, known := c.memo[n]; known {
		return p.plan
	}
	var d PlanDrawn
	pending := slices.IndexFunc(c.redraw, func(d PlanDrawn) bool { return d.Path == c.turns.path })
	if pending >= 0 {
		d = c.redraw[pending]
		c.redraw = slices.Delete(c.redraw, pending, pending+1)
	} else {
		d.Number = c.next
		c.next += c.Start.Shard.Of
		if c.Start.Upgrade != nil {
			d.Path, d.Turn = c.turns.path, c.turns.next[c.turns.path]
			c.turns.next[d.Path]++
		} else if !c.Start.Unweighted {
			d.Situation = c.weights.pick(d.Number)
		}
	}
	d.At = time.Now().UTC()
	c.records.write(d)
	p := plan{drawn: d, plan: c.Start.Redraw(d)}
	c.memo[n], c.pending[d.Number], c.paths[d.Number] = p, d, d.Path
	return p.plan
}

// run puts a run on record.
func (c *campaign) run(ctx context.Context, r harness.Run) {
	if r.Number < 0 {
		if ctx.Err() == nil {
			c.note(r.Verdict, r.Sentence)
		}
		return
	}
	if r.Verdict == harness.Harness && ctx.Err() != nil {
		return // interrupted: it will be drawn again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropSpare(&r)
	j := resultOf(r, c.Dir, c.firstVersion(r.Plan.Number))
	j.Runtime += c.offset
	c.highest = max(c.highest, j.Runtime)
	c.records.write(j)
	if r.Verdict == harness.Violation {
		c.failed = append(c.failed, r)
	}
	if r.Ledger {
		c.totals.Verdicts[harness.Pass]--
		c.totals.Verdicts[r.Verdict]++
		return
	}
	delete(c.memo, r.Number)
	delete(c.pending, j.Number)
	if r.Verdict != harness.Harness {
		c.judged++
	}
	c.plans++
	c.inside += j.Took
	c.totals.Add(j)
	c.weights.addResult(j.Situations)
}

// dropSpare removes the folder of a run that shows what enough folders show: a known
// finding. The caller holds the lock.
func (c *campaign) dropSpare(r *harness.Run) {
	if r.Verdict != harness.Known || len(r.Known) == 0 || r.Dir == "" {
		return
	}
	link := r.Known[0].Link
	if c.excused[link]++; c.excused[link] > keptFolders {
		_ = os.RemoveAll(r.Dir) // what stays is in the way, no more
		r.Dir = ""
	}
}

// does says what is done beside plans, for the progress.
func (c *campaign) does(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doing = what
}

func (c *campaign) note(v harness.Verdict, text string) {
	c.records.write(Note{At: time.Now().UTC(), Verdict: v, Text: text})
}

// timeOver is why a segment ends that brought its campaign to its end.
const timeOver = "the time is over"

// end closes the segment.
func (c *campaign) end(ctx context.Context, problem error) error {
	why := timeOver
	switch {
	case problem != nil:
		why = problem.Error()
	case ctx.Err() != nil:
		why = "interrupted"
	}
	wall := time.Since(c.began) * time.Duration(c.Start.Workers)
	c.records.write(End{
		At: time.Now().UTC(), Why: why, Plans: c.plans, Inside: min(1, c.inside.Seconds()/wall.Seconds()), Ledger: c.ledger, WorkerTime: c.spent.Spent,
	})
	return c.records.close()
}

// path is a file in the campaign's directory.
func (c *campaign) path(short string) string { return filepath.Join(c.Dir, filepath.FromSlash(short)) }
