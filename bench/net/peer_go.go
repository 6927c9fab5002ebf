// SPDX-License-Identifier: MIT

// Go's net, net/http, time and os on the workloads of harness.c. Where drive.py
// gives it one CPU it has one thread that runs goroutines.
package main

import (
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	notRun  = 77
	span    = 200 * time.Millisecond
	message = 64
	page    = 4096
	least   = 1000
)

var scale int

func say(metric string, value float64) { fmt.Printf("%s %.4f\n", metric, value) }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func scaled(n int) int {
	if n /= scale; n < 2 {
		return 2
	}
	return n
}

// cpu is the CPU time of the process.
func cpu() time.Duration {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func perOne(took time.Duration, n int) float64 {
	return float64(took.Nanoseconds()) / float64(n)
}

// ---- servers ----

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	return listener
}

func answer(connection net.Conn) {
	defer connection.Close()
	room := make([]byte, 512)
	for {
		n, err := connection.Read(room)
		if err != nil {
			return
		}
		if _, err = connection.Write(room[:n]); err != nil {
			return
		}
	}
}

func echo() {
	listener := listen()
	for {
		connection, err := listener.Accept()
		check(err)
		go answer(connection)
	}
}

func hello(to http.ResponseWriter, _ *http.Request) {
	to.Header().Set("Content-Type", "text/plain")
	to.Write([]byte("hello\n"))
}

func serveHTTP() { check(http.Serve(listen(), http.HandlerFunc(hello))) }

// ---- a client ----

func request(server string, wait *sync.WaitGroup) {
	defer wait.Done()
	var room [message]byte
	connection, err := net.Dial("tcp", server)
	check(err)
	_, err = connection.Write(room[:])
	check(err)
	_, err = io.ReadFull(connection, room[:])
	check(err)
	connection.(*net.TCPConn).SetLinger(0)
	connection.Close()
}

func requests(n int) {
	server := "127.0.0.1:" + os.Getenv("BENCH_PORT")
	var wait sync.WaitGroup
	wait.Add(n)
	for i := 0; i < n; i++ {
		go request(server, &wait)
	}
	wait.Wait()
}

func fanOut(n int) {
	requests(100)
	begin, used := time.Now(), cpu()
	requests(n)
	say("cpu", perOne(cpu()-used, n)/1e3)
	say("time", float64(time.Since(begin).Nanoseconds())/1e6)
}

// ---- timers, files ----

func due() time.Duration {
	return time.Duration(100000+rand.Intn(60000)) * time.Millisecond
}

func never() { panic("a timer came") }

func timers() {
	all := make([]*time.Timer, scaled(1000000))
	for i := range all {
		all[i] = time.AfterFunc(due(), never)
	}
	restart := func(n int) {
		for i := 0; i < n; i++ {
			timer := all[rand.Intn(len(all))]
			timer.Stop()
			timer.Reset(due())
		}
	}
	restart(least)
	n, begin := 0, time.Now()
	for time.Since(begin) < span/time.Duration(scale) {
		restart(least)
		n += least
	}
	say("time", perOne(time.Since(begin), n))
}

func fileReads() {
	file, err := os.Open(os.Getenv("BENCH_FILE"))
	check(err)
	known, err := file.Stat()
	check(err)
	room, pages := make([]byte, page), known.Size()/page
	n, begin, used := 0, time.Now(), cpu()
	for time.Since(begin) < span {
		for i := 0; i < least; i++ {
			_, err = file.ReadAt(room, rand.Int63n(pages)*page)
			check(err)
		}
		n += least
	}
	say("cpu", perOne(cpu()-used, n)/1e3)
}

func main() {
	workloads := map[string]func(){
		"echo":        echo,
		"http":        serveHTTP,
		"fanout1000":  func() { fanOut(scaled(1000)) },
		"fanout10000": func() { fanOut(scaled(10000)) },
		"timers":      timers,
		"file":        fileReads,
	}
	scale, _ = strconv.Atoi(os.Args[2])
	run, known := workloads[os.Args[1]]
	if !known {
		os.Exit(notRun)
	}
	run()
}
