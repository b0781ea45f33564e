package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPluralsAreThoseOfEnglish(t *testing.T) {
	assert.Equal(t, "1 crash", plural(1, "crash"))
	assert.Equal(t, "2 crashes", plural(2, "crash"))
	assert.Equal(t, "1,200 moves", plural(1200, "move"))
}
