// Command pushgrpc follows a watch service (src/push/grpc/watch.proto) with grpc-go.
//
//	pushgrpc follow ADDRESS STREAM cursor|revision COUNT
//	    follows STREAM from the first event and prints a line for each event, until it has seen COUNT. Whenever its
//	    connection is cut it dials again and resumes from the cursor, or from the revision after the last, it saw.
//	pushgrpc session ADDRESS
//	    does what lines of JSON on stdin say (create, cancel, progress, or close, which half-closes), on one call, and
//	    prints the responses, then {"code":…,"message":…}.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"trunkline.dev/interop/internal/pushv1"
	"trunkline.dev/interop/internal/report"
)

func main() {
	switch {
	case len(os.Args) == 6 && os.Args[1] == "follow":
		count, err := strconv.Atoi(os.Args[5])
		if err != nil {
			report.Fatal(err)
		}
		follow(os.Args[2], os.Args[3], os.Args[4] == "revision", count)
	case len(os.Args) == 3 && os.Args[1] == "session":
		session(os.Args[2])
	default:
		report.Usage("usage: pushgrpc follow ADDRESS STREAM cursor|revision COUNT | pushgrpc session ADDRESS")
	}
}

func dial(address string) pushv1.WatchClient {
	quick := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.2, MaxDelay: 100 * time.Millisecond}
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: time.Second}))
	if err != nil {
		report.Fatal(err)
	}
	return pushv1.NewWatchClient(connection)
}

// position is where a follower resumes from.
type position struct {
	run      string
	revision int64
	cursor   string
}

func follow(address, stream string, byRevision bool, count int) {
	client := dial(address)
	at := position{}
	seen, calls := 0, 0
	for seen < count {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		got, err := followOnce(ctx, client, stream, byRevision, &at, count-seen)
		cancel()
		seen += got
		calls++
		if err != nil && status.Code(err) != codes.Unavailable && status.Code(err) != codes.Internal &&
			status.Code(err) != codes.Canceled {
			report.Fatal(fmt.Errorf("call %d: %w", calls, err))
		}
	}
	report.Line(map[string]any{"calls": calls})
}

// followOnce follows until it has seen count events, or the call fails.
func followOnce(ctx context.Context, client pushv1.WatchClient, stream string, byRevision bool, at *position, count int) (int, error) {
	call, err := client.Watch(ctx, grpc.WaitForReady(true))
	if err != nil {
		return 0, err
	}
	create := &pushv1.WatchCreateRequest{Streams: []string{stream}}
	switch {
	case byRevision:
		create.StartRevision, create.Run = at.revision+1, at.run
	case at.cursor != "":
		create.Cursor = at.cursor
	}
	if err := call.Send(&pushv1.WatchRequest{RequestUnion: &pushv1.WatchRequest_CreateRequest{CreateRequest: create}}); err != nil {
		return 0, err
	}
	seen := 0
	for seen < count {
		response, err := call.Recv()
		if err != nil {
			return seen, err
		}
		if response.Canceled || response.Gap != nil {
			report.Fatal(fmt.Errorf("unexpected: %v", response))
		}
		if response.Created {
			if at.cursor == "" {
				at.cursor = response.Header.Cursor
			}
			at.run = response.Header.Run
			report.Line(map[string]any{"created": true})
		}
		for _, event := range response.Events {
			report.Line(map[string]any{"data": string(event.Data), "type": event.Type, "revision": event.Revision})
			at.revision, at.cursor = event.Revision, event.Cursor
			seen++
		}
	}
	return seen, nil
}

func session(address string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	call, err := dial(address).Watch(ctx)
	if err != nil {
		report.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			if lines.Text() == "close" {
				if err := call.CloseSend(); err != nil {
					report.Fatal(err)
				}
				continue
			}
			request := &pushv1.WatchRequest{}
			if err := protojson.Unmarshal(lines.Bytes(), request); err != nil {
				report.Fatal(err)
			}
			if err := call.Send(request); err != nil && !errors.Is(err, io.EOF) {
				report.Fatal(err)
			}
		}
		cancel()
	}()
	for {
		response, err := call.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			report.Line(map[string]any{"code": int(status.Code(err)), "message": status.Convert(err).Message()})
			return
		}
		line, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(response)
		if err != nil {
			report.Fatal(err)
		}
		fmt.Println(string(line))
	}
}
