package checker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"retain/model"
)

// ErrNothingToDraw is what [WritePicture] returns for a result that is not a
// violation: a picture of a history that passed, or that nobody could decide,
// would only mislead.
var ErrNothingToDraw = errors.New("no picture: the result is not a violation")

const (
	// pictureTime is how long porcupine may look for partial orders to draw.
	pictureTime = 500 * time.Millisecond
	// pictureOperations is the most that a page of it shows in a browser.
	pictureOperations = 400
)

// WritePicture writes an HTML page (porcupine's, self-contained) of the first
// object that violates: its operations by process, the longest orders that
// explain most of them, the faults, and the proof. A history too long for a page
// is cut to the operations around the proof; then no orders are shown.
//
// It draws nothing and returns [ErrNothingToDraw] for any other result.
func WritePicture(w io.Writer, h *model.History, r Result) error {
	broken := r.Broken()
	if broken == nil {
		return ErrNothingToDraw
	}
	records := drawn(h, *broken)
	timeout := pictureTime
	if len(records) > pictureOperations {
		records, timeout = around(records, *broken), time.Nanosecond
	}
	m := specification(broken.Object.Kind, reduced{})
	m.DescribeOperation = func(input, _ any) string { return describe(input.(record)) }
	m.DescribeState = func(s any) string { return s.(model.State).String() }
	m.DescribeOperationMetadata = func(info any) string { return info.(string) }
	operations := operationsOf(records, clients(h, records))
	for i, o := range operations {
		operations[i].Metadata = remark(h, *broken, o.Input.(record))
	}
	_, info := porcupine.CheckOperationsVerbose(m, operations, timeout)
	info.AddAnnotations(annotations(h, *broken))
	var page bytes.Buffer
	err := porcupine.Visualize(m, info, &page)
	if err == nil {
		err = write(w, page.Bytes())
	}
	if err != nil {
		return fmt.Errorf("draw %s: %w", broken.Object, err)
	}
	return nil
}

// write writes the page in our style.
func write(w io.Writer, page []byte) error {
	page, err := restyled(page)
	if err == nil {
		_, err = w.Write(page)
	}
	return err
}

// drawn are the records to draw: the view that is illegal, ambiguous reads left
// out.
func drawn(h *model.History, broken ObjectResult) []record {
	view := model.Resolved
	if broken.Raw.Verdict == Violation {
		view = model.Raw
	}
	var out []record
	recording := recordingOf(h)
	for i := range h.Operations {
		o := &h.Operations[i]
		if r, ok := recording.recordOf(o, view); ok && o.Object == broken.Object {
			out = append(out, r)
		}
	}
	return out
}

// around keeps the proof and the operations called last before its end.
func around(records []record, broken ObjectResult) []record {
	end := endOf(records, broken)
	var out []record
	room := pictureOperations - len(broken.Proof)
	for _, r := range slices.Backward(records) {
		proves := slices.Contains(broken.Proof, int(r.id))
		if !proves && (r.call > end || room <= 0) {
			continue
		}
		if !proves {
			room--
		}
		out = append(out, r)
	}
	slices.Reverse(out)
	return out
}

// endOf is the return of the contradiction, or the end of the history.
func endOf(records []record, broken ObjectResult) int64 {
	for _, r := range records {
		if int(r.id) == broken.Contradiction {
			return r.ret
		}
	}
	return open
}

// clients numbers the processes of the records.
func clients(h *model.History, records []record) func(record) int {
	numbers := map[string]int{}
	for _, r := range records {
		p := h.Operations[r.id-1].Process
		if _, known := numbers[p]; !known {
			numbers[p] = len(numbers)
		}
	}
	return func(r record) int { return numbers[h.Operations[r.id-1].Process] }
}

func describe(r record) string {
	if r.answer == nil {
		return r.op.String() + " -> ?"
	}
	return r.op.String() + " -> " + r.answer.String()
}

// remark is what the page says about an operation when it is pointed at.
func remark(h *model.History, broken ObjectResult, r record) string {
	o := h.Operations[r.id-1]
	s := fmt.Sprintf("operation %d of process %s, %s", o.ID, o.Process, o.Phase)
	if r.answer == nil {
		s += fmt.Sprintf(", ambiguous (%s)", o.Reason)
	}
	if int(r.id) == broken.Contradiction {
		s += ". From its return on there is no legal order: " + broken.Guarantee.String()
	} else if slices.Contains(broken.Proof, int(r.id)) {
		s += ". Part of the proof"
	}
	return s
}

// annotations draw the faults and the proof over the operations.
func annotations(h *model.History, broken ObjectResult) []porcupine.Annotation {
	var out []porcupine.Annotation
	for _, f := range h.Faults {
		out = append(out, porcupine.Annotation{
			Tag: "faults", Start: f.Begin.Seq, End: f.End.Seq, Description: string(f.Kind),
			Details: f.Detail, BackgroundColor: "#ffd9b3",
		})
	}
	for _, id := range broken.Proof {
		o := h.Operations[id-1]
		a := porcupine.Annotation{
			Tag: "proof", Start: o.Call.Seq, End: o.Return.Seq, Description: o.Op.String(),
			Details: "part of the proof", BackgroundColor: "#ffb3b3",
		}
		if id == broken.Contradiction {
			a.Details = broken.Guarantee.String()
		}
		out = append(out, a)
	}
	return out
}
