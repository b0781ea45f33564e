package model

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// escapeInvalidUTF8 returns the event with every byte that is not UTF-8 spelled \xff, as
// Go does. A
// history file can't hold such bytes, and the history in memory must be the file's.
//
// They come in error texts, log lines and settings. Operations and answers have none:
// what their String methods print is UTF-8, or is refused when it is read.
func escapeInvalidUTF8(e Event) Event {
	if v := reflect.ValueOf(e); !isUTF8(v) {
		return escapedValue(v).Interface().(Event)
	}
	return e
}

// isUTF8 reports whether all strings of a value are UTF-8.
func isUTF8(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Struct:
		for i := range v.NumField() {
			if !isUTF8(v.Field(i)) {
				return false
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return true // JSON, which is checked where it is made
		}
		for i := range v.Len() {
			if !isUTF8(v.Index(i)) {
				return false
			}
		}
	}
	return true
}

// escapedValue is a copy of a value with its strings spelled.
func escapedValue(v reflect.Value) reflect.Value {
	if isUTF8(v) {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(spelled(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(escapedValue(v.Field(i)))
		}
	case reflect.Slice:
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(escapedValue(v.Index(i)))
		}
	}
	return out
}

// spelled is s with every byte that is not UTF-8 as a Go escape.
func spelled(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}
