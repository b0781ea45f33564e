package campaign

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/known"
	"retain/internal/exactjson"
	"retain/model"
)

// Version of the format of the records that this package writes, and the newest
// that it reads.
const Version = 9

// RecordsDir is where the records are, in a campaign's directory.
const RecordsDir = "records"

// Simulated is the Runtime of a segment on the simulated one.
const Simulated = "simulated"

// Record is one line of a file of records: JSON with a field "r" that says which.
// The implementations are [Start], [PlanDrawn], [PlanResult], [Violation], [Reduction], [Sample],
// [Canary], [Note] and [End].
type Record interface {
	// name is the record's "r" field.
	name() string
}

// Shard is the part of a campaign that one machine has: the plans whose number is
// Index modulo Of. The zero value is the whole campaign.
type Shard struct {
	Index int `json:"index"` // from 0
	Of    int `json:"of"`
}

// String prints "0/4", the shard's flag.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, max(1, s.Of)) }

type (
	// Start opens a file of records: a process goes to work.
	Start struct {
		Version int       `json:"version"`
		Segment string    `json:"sitting"` // unique
		At      time.Time `json:"at"`
		Seed    uint64    `json:"seed"`
		Shard   Shard     `json:"shard"`
		// Duration is how long the campaign shall last, all its segments together.
		Duration time.Duration `json:"duration_ns"`
		Workers  int           `json:"workers"`
		// Flags are the command line's that a segment which goes on repeats, as
		// "-name=value". Runtime is where the server comes from: "container", "process"
		// or "simulated"; "auto" in records that do not tell which of them that was.
		// SDK names the handlers that were asked for; each plan has what was deployed.
		Flags   []string `json:"flags,omitempty"`
		Runtime string   `json:"runtime"`
		SDK     string   `json:"sdk,omitempty"`
		// Altered is in what the campaign differs from a plain server.
		Altered model.Settings `json:"altered,omitempty"`
		// Go is the toolchain, Platform "linux/amd64 2 cpus".
		Go       string `json:"go"`
		Platform string `json:"platform"`
		// RapidSteps is -rapid.steps, which plans depend on.
		RapidSteps int `json:"rapid_steps"`
		// Unweighted is true if plans do not lean towards what was tested rarely.
		Unweighted bool `json:"unweighted,omitempty"`
		// Scheduled is true if plans without a target situation end with the changes at
		// faults that their number is due.
		Scheduled bool `json:"scheduled,omitempty"`
		// Unresolved and Server are the options of all plans.
		Unresolved bool   `json:"unresolved,omitempty"`
		Server     string `json:"server,omitempty"`
		// StartConfigs is true if plans draw both axes of a configuration, not a name.
		StartConfigs bool `json:"start_configs,omitempty"`
		// VQueues is true if the servers of a third of the groups of plans have vqueues.
		VQueues bool `json:"vqueues,omitempty"`
		// Exclude is what plans are not drawn with.
		Exclude generators.Exclusions `json:"exclude,omitempty"`
		// Rare are operations that one plan of four has: see [generators.Options].
		Rare []string `json:"rare,omitempty"`
		// Discovered are those of Exclude that no file names: the handlers do not serve it, or
		// it can't be done to them.
		Discovered generators.Exclusions `json:"discovered,omitempty"`
		// Loads says which plans have a load.
		Loads generators.Loads `json:"loads,omitzero"`
		// ServiceFaults is the share of plans that have faults of the service, 0 to 1.
		ServiceFaults float64 `json:"service_faults,omitempty"`
		// Known are the findings that are known.
		Known known.List `json:"known,omitempty"`
		// Upgrade makes it a campaign of upgrades, nil for another.
		Upgrade *Upgrade `json:"upgrade,omitempty"`
	}

	// PlanDrawn is a plan that is about to run. With the seed it draws the plan again:
	// see [Start.Redraw].
	PlanDrawn struct {
		Number int       `json:"n"`
		At     time.Time `json:"at"`
		// Situation is the target situation that the plan ends with, nil for none.
		Situation *generators.Situation `json:"aim,omitempty"`
		// Path is the index of the plan's path of versions, and Turn which of the path's plans
		// it is, in a campaign of upgrades.
		Path int `json:"path,omitempty"`
		Turn int `json:"turn,omitempty"`
	}

	// PlanResult is a plan that has run.
	PlanResult struct {
		Number int `json:"n"`
		// Run is the run's id, Runtime numbers the servers of the segment from 1;
		// Age is how many plans that one had served.
		Run     string `json:"run"`
		Runtime int    `json:"runtime"`
		Age     int    `json:"age"`
		// Identity is the server's, Config the name of its configuration. Start is what a
		// plan that names none began with.
		Identity string `json:"identity,omitempty"`
		// SDK is that of the handlers, as the server's record of them names it.
		SDK    string                 `json:"sdk,omitempty"`
		Config string                 `json:"config,omitempty"`
		Start  generators.StartConfig `json:"start,omitzero"`
		// At is when the plan began; Took how long it ran, its last reads included.
		At   time.Time     `json:"at"`
		Took time.Duration `json:"took_ns"`
		// Verdict and Sentence are the run's. Ledger is true if the reads at a
		// session's end showed it: the plan was judged before, as passed, and this
		// line replaces that one.
		Verdict  harness.Verdict `json:"verdict"`
		Sentence string          `json:"sentence,omitempty"`
		Ledger   bool            `json:"ledger,omitempty"`
		// Broken is the guarantee that broke, none unless the verdict is violation. Records
		// of version 1 have the sentence only.
		Broken model.Guarantee `json:"broken,omitzero"`
		// Known are the known findings that it shows. If it shows nothing else, its verdict is
		// known.
		Known []harness.KnownFinding `json:"known,omitempty"`
		// Dir is where its artefacts are, in the campaign's directory.
		Dir string `json:"dir,omitempty"`

		Steps int `json:"steps"`
		harness.Counters

		// Latencies is an HdrHistogram of the operations that were answered, in
		// microseconds (see [PlanResult.LatencyHistogram]), encoded as V2 compressed in base64.
		Latencies string `json:"latencies,omitempty"`
		// LoadLatencies are those of Latencies that were operations on objects of the load:
		// of its clients, and the last reads (see [PlanResult.LoadHistogram]).
		LoadLatencies string `json:"load_latencies,omitempty"`
		// Seconds is what was answered in each second of the plan.
		Seconds []Second `json:"seconds,omitempty"`
		// Bands are the faults, in the order of their beginnings.
		Bands []Band `json:"bands,omitempty"`
		// Recoveries are the restarts.
		Recoveries []Recovery `json:"recoveries,omitempty"`
		// Situations are what the plan tested, each once, as their texts. In records before
		// version 4 the texts have no class: [Read] gives them that of Config, which such a
		// plan kept.
		Situations []string `json:"situations,omitempty"`
		// Class is the class in which the plan began, nil before version 4, where it is that
		// of Config. Partitions is the number of the server's, 0 if the plan leaves it open.
		Class      *generators.Class `json:"class,omitempty"`
		Partitions int               `json:"partitions,omitempty"`
		// VQueues is true if the server has vqueues.
		VQueues bool `json:"vqueues,omitempty"`
		// Writes counts the acknowledged writes that were read after a restart, by class.
		Writes map[generators.Class]int `json:"writes_read_back,omitempty"`
		// Switches are the starts as other versions. Broke says which of them, from 1, was the
		// last before the plan broke a guarantee, 0 for none. While is the version that ran
		// where it broke after a switch and not at one.
		Switches []harness.Switch `json:"switches,omitempty"`
		Broke    int              `json:"broke_after,omitempty"`
		While    string           `json:"broke_while,omitempty"`
	}

	// Second is one second of a plan.
	Second struct {
		// From is when it begins, since the plan did.
		From time.Duration `json:"from_ns"`
		// Answered counts the operations that returned in it.
		Answered int `json:"answered"`
		// Load counts those of Answered that were on objects of the load.
		Load int `json:"load,omitempty"`
	}

	// Band is a fault: from its beginning to when it was over, since the plan
	// began. A stop or kill is over when calls are answered again (or at the
	// plan's end).
	Band struct {
		Kind model.FaultKind `json:"kind"`
		From time.Duration   `json:"from_ns"`
		To   time.Duration   `json:"to_ns"`
	}

	// Recovery is one restart. Times are since the server was told to end; 0 for
	// what never happened or is not known.
	Recovery struct {
		// Kind is the fault that ended the server: "stop" or "kill".
		Kind    model.FaultKind `json:"kind"`
		Down    time.Duration   `json:"down_ns"`    // the server was gone
		Spawned time.Duration   `json:"spawned_ns"` // it was started again
		Port    time.Duration   `json:"port_ns"`    // the ingress took a connection
		Health  time.Duration   `json:"health_ns"`  // the ingress said it was healthy
		Probe   time.Duration   `json:"canary_ns"`  // the first call went through
		// Closing is true for the kill after the program, which nobody's plan has.
		Closing bool `json:"closing,omitempty"`
		// TakeOver is true for the restart of a server that ran another configuration,
		// before the program.
		TakeOver bool `json:"take_over,omitempty"`
	}

	// Violation is a violation, as soon as its witness is known: whether it is another
	// one of a finding that is known already.
	Violation struct {
		Number int       `json:"n"`
		At     time.Time `json:"at"`
		// Dir is where its artefacts are, in the campaign's directory.
		Dir string `json:"dir"`
		// Fingerprint is the signature of the violation, equal for equal ones; Finding
		// is the number of the plan that showed it first, which is this one for a
		// new one.
		Fingerprint string `json:"fingerprint"`
		Finding     int    `json:"finding"`
		// Guarantee is the broken one in a sentence, for readers.
		Guarantee string `json:"guarantee"`
	}

	// Reduction is what the reduction of a new finding came to.
	Reduction struct {
		Number int       `json:"n"`
		At     time.Time `json:"at"`
		// Fingerprint is the signature of the reduced plan; Finding is as in [Violation]: a
		// reduced plan may turn out to be a known one.
		Fingerprint string          `json:"fingerprint"`
		Finding     int             `json:"finding"`
		Steps       int             `json:"steps"`
		From        int             `json:"from"` // steps before
		Executions  int             `json:"executions"`
		Took        time.Duration   `json:"took_ns"`
		Ending      string          `json:"ending"`
		Rate        generators.Rate `json:"rate"`
		// Case is the regression that was made of it, in the campaign's directory;
		// "" if there is none.
		Case string `json:"case,omitempty"`
		// Problem is why it could not be reduced or kept, "" for nothing.
		Problem string `json:"problem,omitempty"`
	}

	// Sample is what this process holds, every [SampleEvery].
	Sample struct {
		At time.Time `json:"at"`
		// Resident is the memory of this process in bytes, of which Heap is Go's
		// living heap; Descriptors are open files and sockets.
		Resident    int64 `json:"resident"`
		Heap        int64 `json:"heap"`
		Descriptors int   `json:"descriptors"`
		Goroutines  int   `json:"goroutines"`
	}

	// Canary is a run with a planted bug, which must be caught.
	Canary struct {
		At     time.Time     `json:"at"`
		Took   time.Duration `json:"took_ns"`
		Caught bool          `json:"caught"`
		// Bug says what was planted and where; Plans how many it took; Why is why it
		// was not caught, or what could not be planted.
		Bug   string `json:"bug"`
		Plans int    `json:"plans"`
		Why   string `json:"why,omitempty"`
	}

	// Note is a remark: a session that was vacuous or went wrong apart from any
	// plan, a torn line that was found.
	Note struct {
		At time.Time `json:"at"`
		// Verdict is harness, undecided or vacuous; "" for what is no verdict.
		Verdict harness.Verdict `json:"verdict,omitempty"`
		Text    string          `json:"text"`
	}

	// End closes a file: nothing is missing. A file without it was cut off.
	End struct {
		At time.Time `json:"at"`
		// Why is "the time is over", "interrupted" or what went wrong.
		Why string `json:"why"`
		// Plans is how many the segment judged; Inside the share of the workers'
		// wall time that was inside plans, from 0 to 1.
		Plans  int     `json:"plans"`
		Inside float64 `json:"inside"`
		// Ledger counts the objects that were read again at sessions' ends.
		Ledger int `json:"ledger"`
		// WorkerTime is how the workers' time in sessions divides, nil in records that do not
		// tell. The rest of their time, reductions and canaries, is not in it.
		WorkerTime map[harness.Part]time.Duration `json:"worker_time_ns,omitempty"`
	}
)

// SampleEvery is the time between two of [Sample].
const SampleEvery = 10 * time.Second

func (Start) name() string      { return "begin" }
func (PlanDrawn) name() string  { return "drawn" }
func (PlanResult) name() string { return "plan" }
func (Violation) name() string  { return "found" }
func (Reduction) name() string  { return "reduced" }
func (Sample) name() string     { return "sample" }
func (Canary) name() string     { return "canary" }
func (Note) name() string       { return "note" }
func (End) name() string        { return "end" }

var decoders = map[string]func([]byte) (Record, error){
	"begin":   decodeAs[Start],
	"drawn":   decodeAs[PlanDrawn],
	"plan":    decodeAs[PlanResult],
	"found":   decodeAs[Violation],
	"reduced": decodeAs[Reduction],
	"sample":  decodeAs[Sample],
	"canary":  decodeAs[Canary],
	"note":    decodeAs[Note],
	"end":     decodeAs[End],
}

func decodeAs[R Record](line []byte) (Record, error) {
	var r R
	err := json.Unmarshal(line, &r)
	return r, err
}

// encode gives the record's line, with its newline.
func encode(r Record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the record %s: %w", r.name(), err)
	}
	return append(append(fmt.Appendf(nil, `{"r":%q,`, r.name()), body[1:]...), '\n'), nil
}

// decode reads one line.
func decode(line []byte) (Record, error) {
	var tagged struct {
		Name string `json:"r"`
	}
	if err := exactjson.Check(line); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if err := json.Unmarshal(line, &tagged); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	read, known := decoders[tagged.Name]
	if !known {
		return nil, fmt.Errorf("no record is called %q", tagged.Name)
	}
	r, err := read(line)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", tagged.Name, err)
	}
	return r, nil
}

// DrawFlags are the values of the flags by which a segment draws its plans, by their names;
// "" for a flag that was left out.
func (s *Segment) DrawFlags() map[string]string {
	out := map[string]string{"config": s.Server, "load": "", "unresolved": ""}
	switch {
	case s.Loads.Share == 0:
		out["load"] = "0" // also what segments drew that were recorded before there were loads
	case s.Loads.Clients > 0:
		out["load"] = strconv.Itoa(s.Loads.Clients)
	}
	// 0 is also what segments drew that were recorded before there were such faults.
	if out["service.faults"] = ""; s.ServiceFaults != generators.ServiceFaults {
		out["service.faults"] = strconv.FormatFloat(s.ServiceFaults, 'g', -1, 64)
	}
	if s.Unresolved {
		out["unresolved"] = "true"
	}
	return out
}
