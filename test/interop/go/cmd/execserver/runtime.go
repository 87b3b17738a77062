package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// attached is what attach shows: it greets, repeats its input, and takes its exit code from the last line.
const attached = `echo attached; while read line; do echo "got $line"; done; echo bye`

// localRuntime runs commands of this machine in place of a container's.
type localRuntime struct{}

func (*localRuntime) ExecInContainer(ctx context.Context, _, _, _ string, words []string, in io.Reader, out, err io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if len(words) == 0 {
		return errors.New("no command given")
	}
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	if tty {
		return exitError(runTerminal(command, in, out, resize))
	}
	return exitError(runPipes(command, in, out, err))
}

func (r *localRuntime) AttachContainer(ctx context.Context, name, uid, container string, in io.Reader, out, err io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	return r.ExecInContainer(ctx, name, uid, container, []string{"sh", "-c", attached}, in, out, err, tty, resize, 0)
}

// running are the commands that have not ended, each leading a process group of its own.
var running sync.Map

// killRunning ends the commands that nobody else ends: no runtime does when a client goes away.
func killRunning() {
	running.Range(func(pid, _ any) bool {
		_ = syscall.Kill(-pid.(int), syscall.SIGKILL)
		return true
	})
}

// waitFor waits for a started command.
func waitFor(command *exec.Cmd) error {
	running.Store(command.Process.Pid, true)
	defer running.Delete(command.Process.Pid)
	return command.Wait()
}

func runPipes(command *exec.Cmd, in io.Reader, out, err io.WriteCloser) error {
	// A nil *stream in an interface is not nil, so each is set only when it is there.
	if out != nil {
		command.Stdout = out
	}
	if err != nil {
		command.Stderr = err
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if in == nil {
		if startErr := command.Start(); startErr != nil {
			return startErr
		}
		return waitFor(command)
	}
	// As runtimes do: when the command is over, nobody waits for the client's stdin.
	input, pipeErr := command.StdinPipe()
	if pipeErr != nil {
		return pipeErr
	}
	if startErr := command.Start(); startErr != nil {
		return startErr
	}
	go func() {
		_, _ = io.Copy(input, in)
		_ = input.Close()
	}()
	return waitFor(command)
}

func runTerminal(command *exec.Cmd, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) error {
	terminal, err := pty.Start(command)
	if err != nil {
		return err
	}
	defer terminal.Close()
	go func() {
		for size := range resize {
			_ = pty.Setsize(terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(terminal, in) }()
	}
	var copied sync.WaitGroup
	if out != nil {
		copied.Add(1)
		go func() {
			defer copied.Done()
			// Reading fails with EIO once the last process has left the terminal.
			_, _ = io.Copy(out, terminal)
		}()
	}
	err = waitFor(command)
	copied.Wait()
	return err
}

// exitError turns what os/exec returns into an exit code as a shell would give it.
func exitError(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		code := exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = 128 + int(status.Signal())
		}
		return utilexec.CodeExitError{Err: err, Code: code}
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return utilexec.CodeExitError{Err: err, Code: 127}
	}
	return err
}
