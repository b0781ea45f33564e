package model_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

func TestASettingIsPrintedOnOneLine(t *testing.T) {
	hash := strings.Repeat("3b2a01ff", 8)
	for want, s := range map[string]model.Setting{
		"RESTATE_X=y":                                model.Variable("RESTATE_X", "y"),
		"RESTATE_X=":                                 model.Variable("RESTATE_X", ""),
		`RESTATE_X={a="b", c=1}`:                     model.Variable("RESTATE_X", `{a="b", c=1}`),
		`RESTATE_X=y\nbuild      another server`:     model.Variable("RESTATE_X", "y\nbuild      another server"),
		`RESTATE_X=\x1b[2J\xff`:                      model.Variable("RESTATE_X", "\x1b[2J\xff"),
		"RESTATE_X=" + strings.Repeat("ü", 59) + "…": model.Variable("RESTATE_X", strings.Repeat("ü", 61)),
		"-restate.config f.toml (sha256 3b2a01ff)":   {Kind: model.FileSetting, Name: "-restate.config", Value: "f.toml", SHA256: hash},
		"-unresolved":                                {Kind: model.PlanSetting, Name: "-unresolved"},
	} {
		assert.Equal(t, want, s.String())
	}
	assert.Equal(t, "A=1, B=2", model.Settings{model.Variable("A", "1"), model.Variable("B", "2")}.String())
	assert.Empty(t, model.Settings(nil).String())
}

func TestASecretIsNeitherPrintedNorStored(t *testing.T) {
	for name, value := range map[string]string{
		"RESTATE_AUTH_TOKEN": "hunter2", "RESTATE_ADMIN__PASSWORD": "hunter2", "RESTATE_AWS_SECRET_ACCESS": "hunter2",
		"RESTATE_REQUEST_KEY": "hunter2", "restate_api_token": "hunter2", "RESTATE_STORE": "https://me:hunter2@store/x",
	} {
		s := model.Variable(name, value)
		text, err := json.Marshal(s)
		require.NoError(t, err)
		assert.NotContains(t, string(text)+s.String(), "hunter2")
		assert.Regexp(t, `=\(sha256 [0-9a-f]{8}\)$`, s.String())
		assert.NotEqual(t, s, model.Variable(name, value+"x"), "another secret is another setting")
	}
	for _, name := range []string{"RESTATE_HTTP2_KEEP_ALIVE_INTERVAL", "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL"} {
		assert.Equal(t, name+"=40s", model.Variable(name, "40s").String())
	}
	assert.Equal(t, "RESTATE_URL=http://127.0.0.1:80/", model.Variable("RESTATE_URL", "http://127.0.0.1:80/").String())
}

// A kind that is written can be read: the constants of the source are all of them.
func TestEveryKindOfSettingIsReadBack(t *testing.T) {
	source, err := os.ReadFile("setting.go")
	require.NoError(t, err)
	kinds := regexp.MustCompile(`(?m)^\t\w+Setting +SettingKind = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(kinds), 5)
	for _, k := range kinds {
		line := fmt.Sprintf(`{"e":"header","version":1,"run":"r","runtime":"x","altered":[{"kind":%q,"name":"n"}]}`, k[1])
		h, err := read(line)
		require.NoError(t, err, k[1])
		assert.Equal(t, model.SettingKind(k[1]), h.Altered[0].Kind)
	}
}
