package compare

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/harness"
)

// answer is that of versions with these rates, in their order.
func answer(ordered bool, all ...Measured) Answer {
	_, level := looks(len(all), 20)
	return AnswerOf(all, ordered, level)
}

func of(name string, failures, runs int) Measured {
	return Measured{Name: name, Rate: rate(failures, runs)}
}

func TestAnswerNamesTheSidesByTheOrderOfReleases(t *testing.T) {
	for says, all := range map[string][]Measured{
		"1.5.3 and 1.6.1, not from 1.6.2 on":                      {of("1.5.3", 6, 6), of("1.6.1", 6, 6), of("1.6.2", 0, 6), of("1.7.12", 0, 6)},
		"only 1.7.13-dev":                                         {of("1.6.2", 0, 6), of("1.7.12", 0, 6), of("1.7.13-dev", 6, 6)},
		"only 1.5.3, not from 1.6.1 on":                           {of("1.5.3", 6, 6), of("1.6.1", 0, 6)},
		"from 1.7.2 on, not 1.6.2":                                {of("1.6.2", 0, 6), of("1.7.2", 6, 6), of("1.7.12", 6, 6)},
		"1.5.3 and 1.6.2, not 1.6.1 and 1.7.12":                   {of("1.5.3", 6, 6), of("1.6.1", 0, 6), of("1.6.2", 6, 6), of("1.7.12", 0, 6)},
		"not told apart: 3 of 20 (a) and 1 of 20 (b)":             {of("a", 3, 20), of("b", 1, 20)},
		"not told apart: 3 of 20 (a) and 0 of 20 (b)":             {of("a", 3, 20), of("b", 0, 20)},
		"on both a and b":                                         {of("a", 5, 5), of("b", 5, 5)},
		"on all: a, b and c":                                      {of("a", 6, 6), of("b", 6, 6), of("c", 6, 6)},
		"on all, not equally often: 20 of 20 (a) and 3 of 20 (b)": {of("a", 20, 20), of("b", 3, 20)},
		"on none: 0 of 20 (a) and 0 of 20 (b)":                    {of("a", 0, 20), of("b", 0, 20)},
		"a, the only one that was judged":                         {of("a", 5, 5), of("b", 0, 0)},
		"no version was judged":                                   {of("a", 0, 0), of("b", 0, 0)},
		"only a, not c; not told apart: 0 of 1 (b)":               {of("a", 20, 20), of("b", 0, 1), of("c", 0, 20)},
	} {
		assert.Equal(t, says, answer(true, all...).String())
	}
	long := []Measured{of("a", 9, 9), of("b", 9, 9), of("c", 9, 9), of("d", 9, 9), of("e", 0, 9), of("f", 0, 9), of("g", 0, 9), of("h", 0, 9)}
	assert.Equal(t, "up to d, not from e on", answer(true, long...).String())
	for i := range long {
		long[i].Rate.Failures = 9 - long[i].Rate.Failures
	}
	assert.Equal(t, "from e on, not up to d", answer(true, long...).String())
}

// SDKs of one server: what fails under each is the server's, however often it does.
func TestAnswerOverSDKsSaysWhoseFaultItIs(t *testing.T) {
	for says, all := range map[string][]Measured{
		"only java, not go, typescript and python":                                    {of("go", 0, 8), of("java", 8, 8), of("typescript", 0, 8), of("python", 0, 8)},
		"all: it is the server, 20 of 20 (go), 20 of 20 (java) and 20 of 20 (python)": {of("go", 20, 20), of("java", 20, 20), of("python", 20, 20)},
		"all: it is the server, 20 of 20 (go) and 3 of 20 (java)":                     {of("go", 20, 20), of("java", 3, 20)},
		"not told apart: 3 of 20 (java) and 0 of 20 (go)":                             {of("go", 0, 20), of("java", 3, 20)},
		"java, the only one that was judged":                                          {of("go", 0, 0), of("java", 5, 5)},
		"no sdk was judged":                                                           {of("go", 0, 0), of("java", 0, 0)},
	} {
		a := answer(false, all...)
		a.Axis = SDKs
		assert.Equal(t, says, a.String())
	}
}

// Names that are no releases have no order: nothing is said of what is between them.
func TestAnswerWithoutAnOrderListsTheVersions(t *testing.T) {
	assert.Equal(t, "only mine, not official", answer(false, of("mine", 5, 5), of("official", 0, 5)).String())
	assert.Equal(t, "only mine", answer(true, of("official", 0, 5), of("mine", 5, 5)).String())
}

// A version that was not judged or left out is on neither side.
func TestAnswerLeavesOutWhatWasNotJudged(t *testing.T) {
	refused := Measured{Name: "1.6.2", Refusal: &harness.Refusal{Reason: harness.RefusedByError}}
	skipped := Measured{Name: "1.7.4", Skipped: true}
	a := answer(true, refused, of("1.7.2", 7, 7), skipped, of("1.7.12", 0, 7))
	assert.Equal(t, "only 1.7.2, not from 1.7.12 on", a.String())
	assert.Equal(t, []string{"1.7.4"}, a.Skipped)
	assert.Len(t, a.Pairs, 1)
}

func TestAnswerSaysHowManyMoreExecutionsWouldTell(t *testing.T) {
	a := answer(true, of("a", 3, 20), of("b", 0, 20))
	want := Needed(0.15, 0, a.Level) - 20
	assert.Equal(t, want, a.More())
	assert.Greater(t, want, 20)
	assert.Zero(t, answer(true, of("a", 20, 20), of("b", 0, 20)).More(), "they are told apart")
	assert.Zero(t, answer(true, of("a", 20, 20), of("b", 19, 20)).More(), "both fail")
	assert.Zero(t, answer(true, of("a", 0, 20), of("b", 0, 20)).More(), "none fails")
}
