package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The roles of people, each able to do all that the ones before it can.
const (
	Viewer   = "viewer"
	Operator = "operator"
	Approver = "approver"
	Owner    = "owner"
)

// Person is somebody who may use the bot, known by the chat service's numeric id alone.
type Person struct {
	ID       int64
	Name     string
	Role     string
	Chat     int64 // where notices go
	PairedAt time.Time
}

func scanPerson(scan func(...any) error) (Person, error) {
	var p Person
	return p, scan(&p.ID, &p.Name, &p.Role, &p.Chat, moment{&p.PairedAt})
}

// Person returns who has that id, or ErrNotFound.
func (s *Store) Person(ctx context.Context, id int64) (Person, error) {
	return one(ctx, s.write, scanPerson, "SELECT id, name, role, chat, paired_at FROM person WHERE id=?", id)
}

// People returns everybody who may use the bot, first come first.
func (s *Store) People(ctx context.Context) ([]Person, error) {
	people, err := all(ctx, s.read, scanPerson, "SELECT id, name, role, chat, paired_at FROM person ORDER BY paired_at, id")
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return people, nil
}

// AddPerson lets somebody use the bot, or changes their role.
func (s *Store) AddPerson(ctx context.Context, p Person) error {
	return s.update(ctx, "add person", func(tx *sql.Tx) error { return s.addPerson(ctx, tx, p) })
}

func (s *Store) addPerson(ctx context.Context, tx *sql.Tx, p Person) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO person (id, name, role, chat, paired_at) VALUES (?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET name=excluded.name, role=excluded.role, chat=excluded.chat`, p.ID, p.Name, p.Role, p.Chat, millis(s.now()))
	if err != nil {
		return err
	}
	return s.record(ctx, tx, Event{Kind: PersonPaired, Data: map[string]string{"id": strconv.FormatInt(p.ID, 10), "name": p.Name, "role": p.Role}})
}

// RemovePerson takes every right from somebody.
func (s *Store) RemovePerson(ctx context.Context, id int64) error {
	return s.update(ctx, "remove person", func(tx *sql.Tx) error {
		p, err := one(ctx, tx, scanPerson, "SELECT id, name, role, chat, paired_at FROM person WHERE id=?", id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM person WHERE id=?", id); err != nil {
			return err
		}
		return s.record(ctx, tx, Event{Kind: PersonRemoved, Data: map[string]string{"id": strconv.FormatInt(p.ID, 10), "name": p.Name, "role": p.Role}})
	})
}

// Pairing is a one-time code and who has shown it.
type Pairing struct {
	Code      string
	Role      string
	ExpiresAt time.Time
	AskedBy   int64 // who sent the code; 0 while nobody has
	AskedName string
	AskedChat int64
	SettledAt time.Time
}

func scanPairing(scan func(...any) error) (Pairing, error) {
	var p Pairing
	return p, scan(&p.Code, &p.Role, moment{&p.ExpiresAt}, &p.AskedBy, &p.AskedName, &p.AskedChat, moment{&p.SettledAt})
}

const pairingColumns = "code, role, expires_at, asked_by, asked_name, asked_chat, settled_at"

// The limits of pairing, from the control plane's design: a code lives an hour, at most three are pending, and its
// eight characters leave out what is mistaken for something else.
const (
	pairingLife    = time.Hour
	pairingPending = 3
	pairingLength  = 8
	pairingLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32: a byte's low five bits choose without bias
)

// ErrTooManyCodes is returned while three codes are pending.
var ErrTooManyCodes = errors.New("three pairing codes are pending; wait until one has been used or has run out")

// NewPairing makes a code.
func (s *Store) NewPairing(ctx context.Context, role string) (Pairing, error) {
	raw := make([]byte, pairingLength)
	rand.Read(raw)
	code := make([]byte, pairingLength)
	for i, b := range raw {
		code[i] = pairingLetters[b&31]
	}
	p := Pairing{Code: string(code), Role: role}
	err := s.update(ctx, "make pairing code", func(tx *sql.Tx) error {
		now := s.Now()
		p.ExpiresAt = now.Add(pairingLife)
		pending, err := all(ctx, tx, scanPairing, "SELECT "+pairingColumns+" FROM pairing_code WHERE settled_at=0 AND expires_at>?", millis(now))
		if err != nil {
			return err
		}
		if len(pending) >= pairingPending {
			return ErrTooManyCodes
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO pairing_code (code, role, created_at, expires_at, asked_by, asked_name, asked_chat, settled_at) VALUES (?,?,?,?,0,'',0,0)",
			p.Code, p.Role, millis(now), millis(p.ExpiresAt))
		return err
	})
	return p, err
}

// AskPairing keeps who has sent a code. The first to send it stays the one: a code asked with by somebody else, run
// out, or settled is ErrNotFound, which tells a guesser nothing.
func (s *Store) AskPairing(ctx context.Context, code string, id int64, name string, chat int64) error {
	return s.update(ctx, "ask to pair", func(tx *sql.Tx) error {
		asked, err := touches(tx.ExecContext(ctx, "UPDATE pairing_code SET asked_by=?, asked_name=?, asked_chat=? WHERE code=? AND settled_at=0 AND expires_at>? AND asked_by IN (0, ?)",
			id, name, chat, code, millis(s.now()), id))
		if err == nil && !asked {
			return ErrNotFound
		}
		return err
	})
}

// Pairing returns a code's state.
func (s *Store) Pairing(ctx context.Context, code string) (Pairing, error) {
	return one(ctx, s.read, scanPairing, "SELECT "+pairingColumns+" FROM pairing_code WHERE code=?", code)
}

// SettlePairing closes a code. With accept, who asked becomes a person of the code's role.
func (s *Store) SettlePairing(ctx context.Context, code string, accept bool) error {
	return s.update(ctx, "settle pairing", func(tx *sql.Tx) error {
		p, err := one(ctx, tx, scanPairing, "SELECT "+pairingColumns+" FROM pairing_code WHERE code=? AND settled_at=0", code)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE pairing_code SET settled_at=? WHERE code=?", millis(s.now()), code); err != nil {
			return err
		}
		if !accept || p.AskedBy == 0 {
			return nil
		}
		return s.addPerson(ctx, tx, Person{ID: p.AskedBy, Name: p.AskedName, Role: p.Role, Chat: p.AskedChat})
	})
}
