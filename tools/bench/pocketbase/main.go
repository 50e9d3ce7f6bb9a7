// Command pocketbase is PocketBase with one collection for the benchmarks:
// "lists", whose records hold a list as JSON and which anybody may read and
// create.
package main

import (
	"log"
	"os"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
)

func main() {
	app := pocketbase.New()
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
