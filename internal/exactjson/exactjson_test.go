package exactjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/internal/exactjson"
)

func TestCheckNamesWhatIsNotExactAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[1,{"b":null}],"c":"\ud83d\ude42"}`: "",
		` [ "\\ud800" , -0.5e+3 , true ] `:        "",
		`{"a":1,"b":{"a":2}}`:                     "",
		"\"v\xff\"":                               "the byte 0xff is not UTF-8, at byte 3",
		"\"\xed\xa0\x80\"":                        "the byte 0xed is not UTF-8, at byte 2",
		`"\ud800"`:                                `\ud800 is a surrogate without its other half, which no string holds, at byte 2`,
		`["a","\uDC00"]`:                          `\udc00 is a surrogate without its other half, which no string holds, at byte 7`,
		`"\ud800\ud83d\ude42"`:                    `\ud800 is a surrogate without its other half, which no string holds, at byte 2`,
		`"\ud800x"`:                               `\ud800 is a surrogate without its other half, which no string holds, at byte 2`,
		`{"\udfff":1}`:                            `\udfff is a surrogate without its other half, which no string holds, at byte 3`,
		`{"a":1,"a":1}`:                           `the name "a" comes twice, at byte 8`,
		`[{"a":1,"\u0061":1}]`:                    `the name "a" comes twice, at byte 9`,
		`{"a":1} `:                                "",
		`{"a":1}}`:                                "invalid character '}' after top-level value",
		``:                                        "unexpected end of JSON input",
	} {
		err := exactjson.Check([]byte(text))
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.EqualError(t, err, want, text)
		}
	}
	many := ""
	for i := range 50 {
		many += `,"` + strings.Repeat("k", i+1) + `":1`
	}
	assert.NoError(t, exactjson.Check([]byte("{"+many[1:]+"}")))
	assert.ErrorContains(t, exactjson.Check([]byte("{"+many[1:]+`,"kk":2}`)), `the name "kk" comes twice`)
}

// The strings are arbitrary, some with invalid escapes.
func TestAcceptedStringsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.SampledFrom([]byte("a\"\\\xff\xc3\xa9\x00\x1f\xed\xa0\x80ud8c0"))).Draw(t, "bytes"))
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		raw := []byte(`"` + strings.NewReplacer("\"", "", "\x00", "", "\x1f", "").Replace(s) + `"`)
		for _, text := range [][]byte{text, raw} {
			var back string
			if exactjson.Check(text) != nil || json.Unmarshal(text, &back) != nil {
				continue
			}
			if !utf8.ValidString(back) || strings.Count(back, "\ufffd") != strings.Count(string(text), "\ufffd")+strings.Count(string(text), `\ufffd`) {
				t.Fatalf("%q is read as %q", text, back)
			}
		}
	})
}

func TestUnmarshalRequiresEachFieldInItsOwnName(t *testing.T) {
	type part struct {
		N int `json:"n"`
	}
	type whole struct {
		A     int    `json:"a"`
		B     string `json:"b,omitempty"`
		Parts []part `json:"parts,omitempty"`
	}
	for text, want := range map[string]string{
		`{"a":1}`:                      "",
		`{"parts":[{"n":1}],"a":1}`:    "",
		`{}`:                           `the field "a" is missing`,
		`{"a":1,"c":2}`:                `unknown field "c": a typing error, or a newer retain wrote it`,
		`{"A":1}`:                      `unknown field "A": it is written "a"`,
		`{"a":null}`:                   `the field "a" is null: leave it out or give it a value`,
		`{"a":1,"parts":[{"n":1},{}]}`: `the field "parts[1].n" is missing`,
		`{"a":1,"parts":{}}`:           `the field "parts" is not an array`,
		`{"a":1,"parts":[1]}`:          `the field "parts[0]" is not an object`,
		`[]`:                           "not a JSON object",
	} {
		var w whole
		err := exactjson.Unmarshal([]byte(text), &w)
		if want == "" {
			require.NoError(t, err, text)
			assert.Equal(t, 1, w.A)
		} else {
			assert.EqualError(t, err, want, text)
		}
	}
	var w whole
	assert.ErrorContains(t, exactjson.Unmarshal([]byte(`{"a":"1"}`), &w), `the field "a" is "1": want an integer`)
}
