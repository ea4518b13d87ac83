//go:build !purego

package kernels

import (
	"errors"
	"fmt"
	"syscall"
)

// allowTiles asks Linux to allow this process the tiles of AMX, whose state is too large for the
// memory that every thread has for its registers anyway (Documentation/arch/x86/xstate.rst). It
// holds for all threads, and the kernel refuses where one has a signal stack that is too small for
// the tiles; Go's are 32 KiB, and tiles take 8.
func allowTiles() error {
	const (
		tileState       = 1<<17 | 1<<18 // XTILECFG and XTILEDATA in XCR0
		reqXCompPerm    = 0x1023        // ARCH_REQ_XCOMP_PERM
		featureXTILEDAT = 18
	)
	if enabledState()&tileState != tileState {
		return errors.New("the operating system does not save tiles")
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, reqXCompPerm, featureXTILEDAT, 0)
	if errno != 0 {
		return fmt.Errorf("the operating system refuses permission: %w", errno)
	}
	return nil
}
