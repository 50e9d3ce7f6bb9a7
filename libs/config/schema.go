package config

import (
	"encoding/json"
	"io"
	"maps"
	"reflect"
	"strings"
)

// JSONSchema writes the JSON Schema (draft 2020-12) of the configuration file,
// for editors that complete and check it. Types, sections, help texts,
// defaults and the rule oneof are in it; [Load] checks the other rules.
func JSONSchema[T any](w io.Writer, defaults T) error {
	value := reflect.ValueOf(&defaults).Elem()
	if _, err := describe(value); err != nil {
		return err
	}
	schema := sectionSchema(value.Type(), value)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(schema)
}

func sectionSchema(t reflect.Type, value reflect.Value) map[string]any {
	return map[string]any{"type": "object", "properties": propertiesOf(t, value), "additionalProperties": false}
}

// propertiesOf describes the fields of a struct; value, if valid, holds their
// defaults.
func propertiesOf(t reflect.Type, value reflect.Value) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		field := t.Field(i)
		key, tagged := field.Tag.Lookup("key")
		var def reflect.Value
		if value.IsValid() {
			def = value.Field(i)
		}
		switch s := newSpot(field); {
		case !tagged && isEmbedded(field):
			maps.Copy(properties, propertiesOf(field.Type, def))
		case !tagged || key == "-":
		case s.isSection():
			properties[key] = sectionSchema(field.Type, def)
		default:
			property := typeSchema(field.Type)
			if help := field.Tag.Get("help"); help != "" {
				property["description"] = help
			}
			for rule := range strings.SplitSeq(field.Tag.Get("validate"), ",") {
				if words, oneof := strings.CutPrefix(rule, "oneof="); oneof && property["type"] == "string" {
					property["enum"] = strings.Fields(words)
				}
			}
			if def.IsValid() && !s.secret && isScalar(field.Type) && !def.IsZero() {
				property["default"] = def.Interface()
				if property["type"] != "integer" && property["type"] != "number" && property["type"] != "boolean" {
					property["default"] = displayScalar(def)
				}
			}
			properties[key] = property
		}
	}
	return properties
}

func typeSchema(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[ByteSize]():
		return map[string]any{"type": []string{"string", "integer"}}
	case isDuration(t), readsText(t):
		return map[string]any{"type": "string"}
	case isURL(t):
		return map[string]any{"type": "string", "format": "uri"}
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": typeSchema(t.Elem())}
	case reflect.Struct:
		return sectionSchema(t, reflect.Value{})
	default:
		return map[string]any{"type": "integer"}
	}
}
