package agents

import (
	"context"
	"sync"
	"time"

	"lightsout/store"
)

// desk knows the tickets that a goroutine of this process works on. The claim in the store says the same to other lives
// of the daemon; the desk tells, within this life, a claim that is being worked under from one that was left behind by
// an error. The zero desk is empty and ready.
type desk struct {
	mutex   sync.Mutex
	tickets map[int]bool
}

// enter reports whether the caller now has the ticket to itself.
func (d *desk) enter(ticket int) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.tickets[ticket] {
		return false
	}
	if d.tickets == nil {
		d.tickets = map[int]bool{}
	}
	d.tickets[ticket] = true
	return true
}

func (d *desk) leave(ticket int) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.tickets, ticket)
}

// taken reports whether somebody is at the ticket.
func (d *desk) taken(ticket int) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.tickets[ticket]
}

// claim takes the lease on a ticket and a place at the desk; leave gives up the place, not the lease.
func (f *Factory) claim(ctx context.Context, c store.Claim, lease time.Duration) (claim store.Claim, leave func(), err error) {
	if !f.desk.enter(c.Ticket) {
		return c, nil, store.ErrClaimed
	}
	c.Holder = f.Instance
	claim, err = f.Store.Claim(ctx, c, lease)
	if err != nil {
		f.desk.leave(c.Ticket)
		return claim, nil, err
	}
	return claim, func() { f.desk.leave(c.Ticket) }, nil
}
