package agents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/store"
)

func TestAPersonsWishGoesBeforeTheRanking(t *testing.T) {
	journey(t, nil, func(r *rig) {
		first, second := r.ticket(1), r.ticket(2)
		must(t, r.hub.Move("acme", first, "Done"))
		wish := func(key string, ticket int) {
			must(t, r.store.Ask(r.ctx, store.Request{Key: key, Kind: store.RequestRun, Role: ImplementerRole, Ticket: ticket, ByID: ana, ByName: "Ana"}))
		}
		wish("one", first)
		if said := r.implement().Said; !strings.Contains(said, "not in Todo") {
			t.Errorf("asked for what is done, the Implementer said %q", said)
		}
		third := r.ticket(3)
		requests, err := r.store.Asked(r.ctx, store.RequestRun)
		must(t, err)
		must(t, r.store.Answer(r.ctx, requests[0].ID, "no"))
		wish("two", third)
		r.implement()
		r.onBoard(third, "In Review")
		r.onBoard(second, "Todo")
	})
}

func TestAFullDiskClosesIntakeUntilThereIsRoom(t *testing.T) {
	free := uint64(diskFloor / 2)
	full := func(o *options) { o.settings.FreeDisk = func() (uint64, error) { return free, nil } }
	journey(t, full, func(r *rig) {
		ticket := r.ticket(1)
		r.implement()
		r.implement()
		r.onBoard(ticket, "Todo")
		r.tells(1, store.Trouble, 0, "disk nearly full")
		free = 2 * diskFloor
		r.implement()
		r.onBoard(ticket, "In Review")
		r.tells(1, store.TroubleOver, 0, "disk nearly full")
	})
}

func TestTheHousekeeperKeepsACopyAndDropsWhatIsOld(t *testing.T) {
	journey(t, nil, func(r *rig) {
		old, young := filepath.Join(r.factory.Dir, "logs", "old.log"), filepath.Join(r.factory.Dir, "logs", "young.log")
		for _, name := range []string{old, young} {
			must(t, writeFile(name, []byte("x")))
			must(t, os.Chtimes(name, time.Time{}, r.store.Now()))
		}
		_, pull := r.ready(1)
		diff := r.pull(pull).DiffPath // of a pull request that nobody has decided about yet
		for _, name := range []string{old, diff} {
			must(t, os.Chtimes(name, time.Time{}, r.store.Now().Add(-filesKept-time.Hour)))
		}
		r.good((&Housekeeper{r.factory}).Run(r.ctx))
		if _, err := os.Stat(diff); err != nil {
			t.Errorf("the diff of an open pull request: %v", err)
		}
		if _, err := os.Stat(old); err == nil {
			t.Error("a log older than is kept is still there")
		}
		if _, err := os.Stat(young); err != nil {
			t.Error(err)
		}
		copies, err := os.ReadDir(filepath.Join(r.factory.Dir, "backup"))
		if err != nil || len(copies) != 1 {
			t.Errorf("%d copies of the database, %v", len(copies), err)
		}
	})
}
