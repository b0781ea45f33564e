package deployment

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSDKIsNamedForReaders(t *testing.T) {
	for told, want := range map[string]string{
		"":                                "",
		"restate-sdk-go/v1.2.0":           "sdk go 1.2.0",
		"restate-sdk-java/2.4.0_2a001aec": "sdk java 2.4.0 (2a001aec)",
		"restate-sdk-python/0.13.2":       "sdk python 0.13.2",
		"my_own-sdk/1.0":                  "sdk my_own-sdk 1.0",
		"hand-written":                    "sdk hand-written",
		"a\nb\x1b[31m/1":                  `sdk a\nb\x1b[31m 1`,
	} {
		assert.Equal(t, want, sdkOf(told))
	}
}
