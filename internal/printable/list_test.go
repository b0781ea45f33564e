package printable_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/internal/printable"
)

func TestListOfWordsEndsWithItsConjunction(t *testing.T) {
	assert.Empty(t, printable.List([]string{}, "or"))
	assert.Equal(t, "a", printable.List([]string{"a"}, "or"))
	assert.Equal(t, "a and b", printable.List([]string{"a", "b"}, "and"))
	assert.Equal(t, "a, b or c", printable.List([]string{"a", "b", "c"}, "or"))
}
