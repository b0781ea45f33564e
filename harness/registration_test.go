package harness

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/simulated"
	"retain/service"
)

// movable is a server whose addresses a test can change.
type movable struct {
	*simulated.Runtime
	admin atomic.Pointer[string]
}

func (m *movable) Endpoints() runtime.Endpoints {
	ep := m.Runtime.Endpoints()
	if admin := m.admin.Load(); admin != nil {
		ep.Admin = *admin
	}
	return ep
}

// booting is a system that was never up; deploy is its registration.
func booting(deploy func(context.Context, *movable, runtime.Endpoints) (Deployed, error)) (*System, *movable) {
	m := &movable{Runtime: simulated.New(simulated.Options{Nonce: "n"})}
	return &System{Runtime: m, Control: m, Nonce: "n", Deploy: func(ctx context.Context, ep runtime.Endpoints) (Deployed, error) {
		return deploy(ctx, m, ep)
	}}, m
}

// The configuration is wrong, or a port is taken.
func TestBootFailsIfTheServerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := booting(func(ctx context.Context, m *movable, _ runtime.Endpoints) (Deployed, error) {
			_ = m.Kill(ctx)
			<-ctx.Done() // nobody answers
			return Deployed{}, ctx.Err()
		})
		began := time.Now()
		err := s.Boot(t.Context())
		require.ErrorIs(t, err, errEndedEarly)
		assert.Less(t, time.Since(began), time.Second)
		require.NoError(t, s.Shutdown(t.Context()))
	})
}

// The server moves to another port during its first start.
func TestRegistrationIsRetriedAtTheNewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elsewhere := "http://127.0.0.1:1"
		s, _ := booting(func(ctx context.Context, m *movable, ep runtime.Endpoints) (Deployed, error) {
			if ep.Admin == elsewhere {
				return Deployed{Contract: service.Contract{"Counter/get": service.Shared}}, nil
			}
			m.admin.Store(&elsewhere)
			<-ctx.Done() // nobody is at the old one
			return Deployed{}, context.Cause(ctx)
		})
		require.NoError(t, s.Boot(t.Context()))
		assert.Equal(t, []string{"Counter/get"}, s.Contract.Shared())
		require.NoError(t, s.Shutdown(t.Context()))
	})
}
