package bottest

import (
	"encoding/json"
	"fmt"
	"io"
)

// export is the form of chat.json.
type export struct {
	Bot   User         `json:"bot"`
	Chats []exportChat `json:"chats"`
}

type exportChat struct {
	ID       int64     `json:"id"`
	Type     string    `json:"type"`
	Title    string    `json:"title"`
	Members  []User    `json:"members"`
	Messages []Message `json:"messages"`
}

// WriteJSON writes all chats with all messages, what each said before its edits, who tapped what and which answer they got. Files are named,
// not included.
func (s *Server) WriteJSON(w io.Writer) error {
	s.mu.Lock()
	out := export{Bot: s.bot, Chats: []exportChat{}}
	for _, c := range s.chats {
		e := exportChat{ID: c.id, Type: c.kind, Title: s.chatName(c), Members: []User{}, Messages: []Message{}}
		for _, id := range c.members {
			if p := s.person(id); p != nil {
				e.Members = append(e.Members, p.User)
			}
		}
		for _, m := range s.messages {
			if m.chat == c {
				e.Messages = append(e.Messages, s.snapshot(m))
			}
		}
		out.Chats = append(out.Chats, e)
	}
	s.mu.Unlock()
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("write chat: %w", err)
	}
	return nil
}
