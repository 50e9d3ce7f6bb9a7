package s3store

import (
	"encoding/base64"
	"strings"

	"github.com/gchamon/devops-challenge/libs/storage"
)

const (
	objectSuffix = ".json"
	// encodedFolder holds the keys that are no object names. All others have
	// no slash, so the two kinds never meet.
	encodedFolder = "~/"
)

// objectName returns the object's name below the store's prefix: the key
// itself unless it has a slash, because segments like ".." are refused or
// resolved, or a character that XML 1.0 cannot hold, because S3 answers in XML.
func objectName(key string) string {
	if strings.ContainsAny(key, "/\ufffe\uffff") {
		return encodedFolder + base64.RawURLEncoding.EncodeToString([]byte(key)) + objectSuffix
	}
	return key + objectSuffix
}

// keyOf is the inverse of objectName; ok is false for objects that are no
// documents.
func keyOf(name string) (key string, ok bool) {
	base, ok := strings.CutSuffix(name, objectSuffix)
	if !ok {
		return "", false
	}
	key = base
	if encoded, ok := strings.CutPrefix(base, encodedFolder); ok {
		decoded, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil {
			return "", false
		}
		key = string(decoded)
	}
	return key, storage.CheckKey(key) == nil && objectName(key) == name
}
