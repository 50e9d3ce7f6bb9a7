package config

import (
	"encoding/json"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// JSONSchema writes the JSON Schema (draft 2020-12) of the configuration file,
// for editors that complete and check it. Types, sections, help texts,
// defaults and the rule oneof are in it; [Load] checks the other rules.
func JSONSchema[T any](w io.Writer, defaults T) error {
	root, _, err := describe(reflect.ValueOf(&defaults).Elem())
	if err != nil {
		return err
	}
	schema := root.schema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(schema)
}

func (s *setting) schema() map[string]any {
	schema := s.typeSchema()
	if s.isSection() || s.part == "" {
		return schema
	}
	if s.help != "" {
		schema["description"] = s.help
	}
	rules := strings.Split(s.rules, ",")
	for _, rule := range rules {
		if param, oneof := strings.CutPrefix(rule, "oneof="); oneof && schema["type"] == "string" {
			enum := choices(param)
			if slices.Contains(rules, "omitempty") {
				enum = append(enum, "")
			}
			schema["enum"] = enum
		}
	}
	if !s.secret && isScalar(s.typ) && !s.def.IsZero() {
		switch schema["type"] {
		case "integer", "number", "boolean":
			schema["default"] = s.def.Interface()
		default:
			schema["default"] = displayScalar(s.def)
		}
	}
	return schema
}

func (s *setting) typeSchema() map[string]any {
	of := func(types ...string) map[string]any {
		if len(types) == 1 {
			return map[string]any{"type": types[0]}
		}
		return map[string]any{"type": types}
	}
	schema := of("integer")
	switch t := s.typ; {
	case t == reflect.TypeFor[ByteSize]():
		schema = of("string", "integer")
		schema["minimum"], schema["maximum"] = 0, math.MaxInt64
		schema["pattern"] = `^[0-9]+(B|[KMGT]iB|[kMGT]B)?$`
	case isURL(t):
		schema = of("string")
		schema["format"] = "uri"
	case isDuration(t): // 0 needs no unit
		text := of("string")
		text["pattern"] = `^[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`
		schema = map[string]any{"anyOf": []any{text, map[string]any{"const": 0}}}
	case t == reflect.TypeFor[time.Time]():
		schema = of("string")
		schema["format"] = "date-time"
	case readsText(t): // also from the text of a number
		return of("string", "number", "boolean")
	case t.Kind() == reflect.String:
		return of("string")
	case s.isSection():
		properties := map[string]any{}
		for _, child := range s.children {
			properties[child.part] = child.schema()
		}
		schema = of("object", "null") // "http:" with nothing below
		if s.part == "" && (s.parent == nil || s.parent.typ.Kind() == reflect.Slice) {
			schema = of("object")
		}
		schema["properties"], schema["additionalProperties"] = properties, false
	case t.Kind() == reflect.Map:
		schema = of("object")
		schema["additionalProperties"] = s.elem.schema()
	case t.Kind() == reflect.Slice:
		schema = of("array")
		schema["items"] = s.elem.schema()
	case t.Kind() == reflect.Bool:
		return of("boolean")
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return of("number")
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		schema["minimum"], schema["maximum"] = 0, uint64(math.MaxUint64)>>(64-t.Bits())
	default: // a signed integer
		limit := int64(math.MaxInt64) >> (64 - t.Bits())
		schema["minimum"], schema["maximum"] = -limit-1, limit
	}
	return schema
}
