// Command pocketbase is PocketBase with one collection for the benchmarks: "lists",
// whose records contain a list as JSON. Everyone may read and create records.
//
// POCKETBASE_SYNCHRONOUS=FULL makes SQLite sync its log at every commit. The default
// is NORMAL: a power cut may lose acknowledged records.
// https://sqlite.org/pragma.html#pragma_synchronous
package main

import (
	"cmp"
	"fmt"
	"log"
	"os"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
)

// connect is core.DefaultDBConnect with another value of the pragma synchronous.
func connect(path string) (*dbx.DB, error) {
	want := cmp.Or(os.Getenv("POCKETBASE_SYNCHRONOUS"), "NORMAL")
	number, known := map[string]int{"NORMAL": 1, "FULL": 2}[want]
	if !known {
		return nil, fmt.Errorf("POCKETBASE_SYNCHRONOUS=%s: expected NORMAL or FULL", want)
	}
	db, err := dbx.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)"+
		"&_pragma=synchronous("+want+")&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)")
	if err != nil {
		return nil, err
	}
	var got int
	if err := db.NewQuery("PRAGMA synchronous").Row(&got); err != nil {
		return nil, err
	}
	if got != number {
		return nil, fmt.Errorf("PRAGMA synchronous: got %d, want %d for %s", got, number, want)
	}
	return db, nil
}

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{DBConnect: connect})
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		if _, err := e.App.FindCollectionByNameOrId("lists"); err != nil {
			lists := core.NewBaseCollection("lists")
			lists.ViewRule = new("")
			lists.CreateRule = new("")
			lists.UpdateRule = new("")
			lists.Fields.Add(&core.JSONField{Name: "todos", MaxSize: 1 << 20})
			if err := e.App.Save(lists); err != nil {
				return err
			}
		}
		return e.Next()
	})
	if err := app.Start(); err != nil {
		log.SetOutput(os.Stderr)
		log.Fatal(err)
	}
}
