package config

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"
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
	for rule := range strings.SplitSeq(s.rules, ",") {
		if words, oneof := strings.CutPrefix(rule, "oneof="); oneof && schema["type"] == "string" {
			schema["enum"] = strings.Fields(words)
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
	switch t := s.typ; {
	case t == reflect.TypeFor[ByteSize]():
		return map[string]any{"type": []string{"string", "integer"}}
	case isURL(t):
		return map[string]any{"type": "string", "format": "uri"}
	case isDuration(t), readsText(t), t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case s.isSection():
		properties := map[string]any{}
		for _, child := range s.children {
			properties[child.part] = child.schema()
		}
		return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.elem.schema()}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": s.elem.schema()}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "integer"}
}
