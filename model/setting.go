package model

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"retain/internal/printable"
)

// Setting is one way in which a run differs from a plain server under the suite's
// defaults. A list of them stands beside every verdict: see [Settings]. It holds for
// every start of the run. The configuration that a single start has stands in the plan,
// and goes below each setting that is a variable.
type Setting struct {
	// Kind says what the setting changes.
	Kind SettingKind `json:"kind"`
	// Name is the environment variable, or the flag with its dash.
	Name string `json:"name"`
	// Value is whole; "" for a secret and for a flag without a value.
	Value string `json:"value,omitempty"`
	// SHA256 is that of a file's content, of an executable or of an image, in hex;
	// of a secret the first eight digits; "" for anything else.
	SHA256 string `json:"sha256,omitempty"`
	// Secret is true if the value is left out on purpose.
	Secret bool `json:"secret,omitempty"`
}

// SettingKind is what a setting changes.
type SettingKind string

// Kinds of settings.
const (
	VariableSetting SettingKind = "env"     // a variable in the server's environment
	FileSetting     SettingKind = "file"    // the server's configuration file
	ServerSetting   SettingKind = "server"  // the server's executable or image, or the SDK of its handlers
	ServiceSetting  SettingKind = "service" // the handlers under test
	BugSetting      SettingKind = "bug"     // planted bugs of the simulated runtime
	PlanSetting     SettingKind = "plan"    // how plans are drawn or resolved
	BoundSetting    SettingKind = "bound"   // a bound that verdicts depend on
)

// Settings are the differences from a plain server, in the order in which they are
// printed. Two runs with equal settings and the same server version are comparable.
type Settings []Setting

// Variable is the setting of an environment variable. A value that may be a secret,
// by the variable's name or because it is a URL with a password, is replaced by the
// beginning of its hash.
func Variable(name, value string) Setting {
	s := Setting{Kind: VariableSetting, Name: name, Value: value}
	if Secret(name, value) {
		sum := sha256.Sum256([]byte(value))
		s.Value, s.SHA256, s.Secret = "", hex.EncodeToString(sum[:4]), true
	}
	return s
}

var (
	secretName  = regexp.MustCompile(`(?i)TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|KEY`)
	secretValue = regexp.MustCompile(`://[^/\s@]*:[^/\s@]*@|-----BEGIN [A-Z ]*PRIVATE KEY`)
)

// Secret reports whether a variable's value must not be printed or stored.
func Secret(name, value string) bool {
	return value != "" && (secretName.MatchString(name) || secretValue.MatchString(value))
}

const (
	maxSettingValue = 60 // columns of a name or value in [Setting.String]
	hashDigits      = 8  // of a hash in [Setting.String]
)

// String prints, for example, "RESTATE_X=y" and "-restate.config f.toml (sha256
// 3b2a01ff)", on one line: long values are cut, control characters are escaped.
func (s Setting) String() string {
	var b strings.Builder
	b.WriteString(printable.Cut(s.Name, maxSettingValue))
	switch {
	case s.Secret:
		b.WriteString("=")
	case s.Kind == VariableSetting:
		b.WriteString("=" + printable.Cut(s.Value, maxSettingValue))
	case s.Value != "":
		b.WriteString(" " + printable.Cut(s.Value, maxSettingValue))
	}
	if s.SHA256 != "" {
		if !s.Secret {
			b.WriteString(" ")
		}
		b.WriteString("(sha256 " + printable.Line(s.SHA256[:min(len(s.SHA256), hashDigits)]) + ")")
	}
	return b.String()
}

// String is the settings on one line, separated by commas; "" for none.
func (s Settings) String() string {
	texts := make([]string, len(s))
	for i, one := range s {
		texts[i] = one.String()
	}
	return strings.Join(texts, ", ")
}
