package boltstore

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"

	"go.etcd.io/bbolt"
)

// keySet is a checksum of the keys of all documents. A commit that creates or
// deletes documents stores it with them, in a bucket so small that bbolt keeps it
// in a page that the commit writes anyway.
type keySet struct {
	count uint64
	sum   uint64 // of the keys' FNV-1a, modulo 2^64
}

var (
	keySetBucket = []byte("keys")
	keySetName   = []byte("set")
)

// add adds the key, or with n == -1 takes it out.
func (k *keySet) add(key string, n int) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	k.count += uint64(n)           //nolint:gosec // modulo 2^64
	k.sum += uint64(n) * h.Sum64() //nolint:gosec // modulo 2^64
}

// recordedKeys returns the set that was stored; ok is false if none was.
func recordedKeys(tx *bbolt.Tx) (k keySet, ok bool) {
	b := tx.Bucket(keySetBucket)
	if b == nil {
		return k, false
	}
	value := b.Get(keySetName)
	if len(value) != 16 {
		return k, false
	}
	return keySet{binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])}, true
}

func (k keySet) store(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(keySetBucket)
	if err != nil {
		return err
	}
	value := binary.BigEndian.AppendUint64(nil, k.count)
	return b.Put(keySetName, binary.BigEndian.AppendUint64(value, k.sum))
}

// countKey changes the stored set; see add.
func countKey(tx *bbolt.Tx, key string, n int) error {
	k, ok := recordedKeys(tx)
	if !ok {
		return errKeys
	}
	k.add(key, n)
	return k.store(tx)
}

// prepare makes the buckets of a new file, records the keys of one that was
// written before they were recorded, and compares them in any other.
func prepare(tx *bbolt.Tx) (damage, err error) {
	recorded, ok := recordedKeys(tx)
	b := tx.Bucket(bucketName)
	if b == nil && ok {
		// Made anew it would hide what was in it.
		return nil, errKeys
	}
	if b == nil {
		if b, err = tx.CreateBucket(bucketName); err != nil {
			return nil, err
		}
	}
	var found keySet
	damage = guarded(func() error {
		return b.ForEach(func(key, value []byte) error {
			found.add(string(key), 1)
			// Where the order of the keys is damaged, Get goes astray.
			if value == nil || !bytes.Equal(b.Get(key), value) {
				return errKeys
			}
			return nil
		})
	})
	switch {
	case damage != nil:
		return damage, nil
	case ok && found != recorded, !ok && tx.Bucket(keySetBucket) != nil:
		return errKeys, nil
	case !ok:
		return nil, found.store(tx)
	}
	return nil, nil
}
