package ingress

import (
	"math/bits"

	"github.com/zeebo/xxh3"
)

// PartitionKey is the number by which the server assigns a key to a partition: the XXH3
// hash of the key's bytes and one more, 0xff, with which the server's language ends a text
// that it hashes.
func PartitionKey(key string) uint64 { return xxh3.HashString(key + "\xff") }

// PartitionOf is the partition of a key, from 0, on a server with so many: each has an
// equal range of the partition keys.
func PartitionOf(key string, partitions int) int {
	n, _ := bits.Mul64(PartitionKey(key), uint64(partitions))
	return int(n)
}
