package exactjson

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"retain/internal/printable"
)

// Unmarshal decodes a text into a struct, exactly: what [Check] refuses is an error,
// and so is a name that is no field's, one in another case, a null, and a field that
// is missing. Fields with ",omitempty" or ",omitzero" may be missing: their default is
// the zero value.
func Unmarshal(text []byte, into any) error {
	if err := Check(text); err != nil {
		return err
	}
	return Fill(text, into, "")
}

// Fill is [Unmarshal] for a text that was checked. The tag is a member that is none of
// the struct's fields and is passed over; "" for none.
func Fill(text []byte, into any, tag string) error {
	if err := checkFields("", reflect.TypeOf(into).Elem(), text, tag); err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Field is a field of a struct in JSON.
type Field struct {
	Name     string
	Required bool
	Type     reflect.Type
}

var known sync.Map // reflect.Type -> []Field

// FieldsOf are the fields of a struct in JSON, those of embedded structs in place.
func FieldsOf(t reflect.Type) []Field {
	if fields, cached := known.Load(t); cached {
		return fields.([]Field)
	}
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		if f.Anonymous && !tagged {
			out = append(out, FieldsOf(f.Type)...)
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		out = append(out, Field{name, !strings.Contains(options, "omit"), f.Type})
	}
	known.Store(t, out)
	return out
}

var (
	rawType  = reflect.TypeFor[json.RawMessage]()
	ownJSON  = reflect.TypeFor[json.Unmarshaler]()
	ownText  = reflect.TypeFor[encoding.TextUnmarshaler]()
	wordings = map[reflect.Kind]string{reflect.Struct: "an object", reflect.Slice: "an array"}
)

// checkFields holds a value against the type that it will be decoded into. place is
// its name, "" for the whole; tag is as for [Fill].
func checkFields(place string, t reflect.Type, value []byte, tag string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if string(value) == "null" {
		return fmt.Errorf("the field %q is null: leave it out or give it a value", place)
	}
	if t == rawType {
		return nil
	}
	if p := reflect.PointerTo(t); p.Implements(ownJSON) || p.Implements(ownText) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return checkStruct(place, t, value, tag)
	case reflect.Slice:
		i := 0
		err := Elements(value, func(element []byte) error {
			i++
			return checkFields(fmt.Sprintf("%s[%d]", place, i-1), t.Elem(), element, "")
		})
		return within(place, t, value, '[', err)
	}
	return checkScalar(place, t, value)
}

// checkScalar reports a string, a boolean or an integer that is written as something
// else. encoding/json reports it in terms of Go.
func checkScalar(place string, t reflect.Type, value []byte) error {
	want := ""
	switch t.Kind() {
	case reflect.String:
		if value[0] != '"' {
			want = "a string"
		}
	case reflect.Bool:
		if value[0] != 't' && value[0] != 'f' {
			want = "true or false"
		}
	case reflect.Int, reflect.Int64:
		if _, err := strconv.ParseInt(string(value), 10, 64); err != nil {
			want = "an integer of at most 64 bits, without a point or an exponent"
		}
	}
	if want == "" {
		return nil
	}
	return fmt.Errorf("the field %q is %s: want %s", place, printable.Cut(string(value), maxValue), want)
}

// maxValue is how many columns of a value stand in an error.
const maxValue = 40

func checkStruct(place string, t reflect.Type, value []byte, tag string) error {
	fields := FieldsOf(t)
	var given [64]bool // no struct has more fields
	err := Members(value, func(name string, member []byte) error {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
		if i < 0 && name == tag && tag != "" {
			return nil
		}
		if i < 0 {
			return unknown(fields, path(place, name), name)
		}
		given[i] = true
		return checkFields(path(place, name), fields[i].Type, member, "")
	})
	if err := within(place, t, value, '{', err); err != nil {
		return err
	}
	for i, f := range fields {
		if f.Required && !given[i] {
			return fmt.Errorf("the field %q is missing", path(place, f.Name))
		}
	}
	return nil
}

// within names the place of a value that is not of the form that it should have.
func within(place string, t reflect.Type, value []byte, begins byte, err error) error {
	if err != nil && place != "" && value[0] != begins {
		return fmt.Errorf("the field %q is not %s", place, wordings[t.Kind()])
	}
	return err
}

func unknown(fields []Field, place, name string) error {
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			return fmt.Errorf("unknown field %.80q: it is written %q", place, f.Name)
		}
	}
	return fmt.Errorf("unknown field %.80q: a typing error, or a newer retain wrote it", place)
}

func path(place, name string) string {
	if place == "" {
		return name
	}
	return place + "." + name
}
