// SPDX-License-Identifier: MIT

// Goroutines on one thread: a switch is runtime.Gosched(), a generator a
// goroutine behind a channel. The workloads are those of harness.c.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	notRun = 77
	span   = 200 * time.Millisecond
	fresh  = 1000
)

var (
	scale int
	left  int
	done  = make(chan bool)
)

func say(metric string, value float64) { fmt.Printf("%s %.4f\n", metric, value) }

func timed(run func(n int), n int) time.Duration {
	begin := time.Now()
	run(n)
	return time.Since(begin)
}

// sayTime is bench_say_time() of measure.c.
func sayTime(run func(n int), least int) {
	goal := span / time.Duration(scale)
	n := least
	took := timed(run, n)
	for took < goal/10 {
		n *= 2
		took = timed(run, n)
	}
	n = int(float64(n) * float64(goal) / float64(took))
	if n < least {
		n = least
	}
	say("time", float64(timed(run, n).Nanoseconds())/float64(n))
}

func scaled(n int) int {
	if n /= scale; n < 2 {
		return 2
	}
	return n
}

// ---- switches ----

//go:noinline
func nest1() { runtime.Gosched() }

//go:noinline
func nest2() { nest1() }

//go:noinline
func nest3() { nest2() }

//go:noinline
func nest4() { nest3() }

//go:noinline
func nest5() { nest4() }

//go:noinline
func nest6() { nest5() }

func loop0() {
	for ; left > 0; left-- {
		runtime.Gosched()
	}
	done <- true
}

func loopOther() {
	for left > 0 {
		runtime.Gosched()
		left--
	}
	done <- true
}

func loop1() {
	for ; left > 0; left-- {
		nest1()
	}
	done <- true
}

func loop3() {
	for ; left > 0; left-- {
		nest3()
	}
	done <- true
}

func loop6() {
	for ; left > 0; left-- {
		nest6()
	}
	done <- true
}

// ring has k goroutines take turns; they are made anew for every run, and
// that is a small part of it.
func ring(k int, loops ...func()) {
	sayTime(func(n int) {
		left = n
		for i := 0; i < k; i++ {
			go loops[i%len(loops)]()
		}
		for i := 0; i < k; i++ {
			<-done
		}
	}, 20*k)
}

// ---- generators ----

func next() {
	values := make(chan int)
	go func() {
		for i := 0; ; i++ {
			values <- i
		}
	}()
	expected := 0
	sayTime(func(n int) {
		for i := 0; i < n; i++ {
			if <-values != expected {
				panic("wrong answer")
			}
			expected++
		}
	}, 100)
}

func send() {
	values, answers := make(chan int), make(chan int)
	go func() {
		for {
			answers <- <-values + 1
		}
	}()
	sayTime(func(n int) {
		for i := 0; i < n; i++ {
			values <- i
			if <-answers != i+1 {
				panic("wrong answer")
			}
		}
	}, 100)
}

// ---- making them, memory ----

func create() {
	sayTime(func(n int) {
		for i := 0; i < n; i++ {
			go func() { done <- true }()
			<-done
		}
	}, 100)
}

func park(n int, gate chan bool) {
	for i := 0; i < n; i++ {
		go func() {
			<-gate
			done <- true
		}()
	}
	runtime.Gosched()
}

func createFresh() {
	gate := make(chan bool)
	begin := time.Now()
	park(fresh, gate)
	close(gate)
	for i := 0; i < fresh; i++ {
		<-done
	}
	say("time", float64(time.Since(begin).Nanoseconds())/fresh)
}

func taken() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	sum := 0
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") ||
			strings.HasPrefix(line, "VmPTE:") {
			kib, _ := strconv.Atoi(strings.Fields(line)[1])
			sum += kib
		}
	}
	return float64(sum) * 1024
}

func parked(n int) {
	runtime.GC()
	before := taken()
	park(n, make(chan bool))
	time.Sleep(100 * time.Millisecond)
	say("bytes", (taken()-before)/float64(n))
}

func main() {
	workloads := map[string]func(){
		"switch0":     func() { ring(2, loop0) },
		"switch1":     func() { ring(2, loop1) },
		"switch3":     func() { ring(2, loop3) },
		"switch6":     func() { ring(2, loop6) },
		"switchdiff":  func() { ring(2, loop0, loopOther) },
		"next":        next,
		"send":        send,
		"create":      create,
		"createfresh": createFresh,
		"parked":      func() { parked(scaled(1000000)) },
		"parked100k":  func() { parked(scaled(100000)) },
		"robin100":    func() { ring(scaled(100), loop1) },
		"robin1000":   func() { ring(scaled(1000), loop1) },
		"robin10000":  func() { ring(scaled(10000), loop1) },
		"robin100000": func() { ring(scaled(100000), loop1) },
	}
	runtime.GOMAXPROCS(1)
	scale, _ = strconv.Atoi(os.Args[2])
	run, known := workloads[os.Args[1]]
	if !known {
		os.Exit(notRun)
	}
	run()
}
