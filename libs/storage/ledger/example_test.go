package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// A visitor counter and a shopping list that any number of processes share.
func Example() {
	// For S3: s3store.New(client, "bucket", s3store.Options{}). Nothing below
	// changes.
	store := memstore.New()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	visitors := ledger.New(store, ledger.Options[int]{})
	defer visitors.Close(ctx)
	count := ledger.Op[int]{Apply: func(s ledger.State[int]) (ledger.Change[int], error) {
		return ledger.Change[int]{Doc: s.Doc + 1}, nil
	}}
	for range 3 {
		if _, err := visitors.Update(ctx, "visitors", count); err != nil {
			fmt.Println(err)
		}
	}

	shopping := ledger.New(store, ledger.Options[[]string]{})
	defer shopping.Close(ctx)
	buy := func(request, what string) {
		r, err := shopping.Update(ctx, "shopping/home", ledger.Op[[]string]{
			ID: request, Payload: []byte(what),
			Apply: func(s ledger.State[[]string]) (ledger.Change[[]string], error) {
				if slices.Contains(s.Doc, what) {
					return ledger.Change[[]string]{}, fmt.Errorf("%s is on the list", what)
				}
				return ledger.Change[[]string]{Doc: append(slices.Clip(s.Doc), what)}, nil
			},
		})
		fmt.Println(r.Snapshot.Doc, r.Revision, r.Replayed, err)
	}
	buy("request-1", "milk")
	buy("request-2", "bread")
	buy("request-1", "milk") // the answer was lost; the client asks again
	buy("request-3", "milk")

	total, err := visitors.Read(ctx, "visitors")
	fmt.Println(total.Doc, total.Revision, err)
	// Output:
	// [milk] 1 false <nil>
	// [milk bread] 2 false <nil>
	// [milk bread] 1 true <nil>
	// [] 0 false milk is on the list
	// 3 3 <nil>
}
