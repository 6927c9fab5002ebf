// SPDX-License-Identifier: MIT

// Goroutines on one thread: a turn is runtime.Gosched(), a queue a channel
// with room for one. The workloads are those of harness.c.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	notRun = 77
	span   = 200 * time.Millisecond
	many   = 1000
)

var scale int

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

func spawnJoin() {
	done := make(chan bool)
	sayTime(func(n int) {
		for i := 0; i < n; i++ {
			go func() { done <- true }()
			<-done
		}
	}, many)
}

func spawnDetached() {
	var ran int64
	sayTime(func(n int) {
		for i := 0; i < n; i += many {
			goal := atomic.LoadInt64(&ran) + many
			for j := 0; j < many; j++ {
				go func() { atomic.AddInt64(&ran, 1) }()
			}
			for atomic.LoadInt64(&ran) < goal {
				runtime.Gosched()
			}
		}
	}, many)
}

func turns(n int, wait *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
	wait.Done()
}

func giveTurns(k int) {
	sayTime(func(n int) {
		var wait sync.WaitGroup
		wait.Add(k)
		for i := 0; i < k; i++ {
			go turns(n/k, &wait)
		}
		wait.Wait()
	}, 20*k)
}

func hop() {
	there, back := make(chan int, 1), make(chan int, 1)
	sayTime(func(n int) {
		go func() {
			for i := 0; i < n/2; i++ {
				back <- <-there
			}
		}()
		for i := 0; i < n/2; i++ {
			there <- i
			if <-back != i {
				panic("wrong answer")
			}
		}
	}, many)
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

func park(n int) {
	var asleep int64
	for i := 0; i < n; i++ {
		go func() {
			atomic.AddInt64(&asleep, 1)
			time.Sleep(100000 * time.Second)
		}()
	}
	for atomic.LoadInt64(&asleep) < int64(n) {
		time.Sleep(time.Millisecond)
	}
}

func parked() {
	n := scaled(100000)
	park(1)
	runtime.GC()
	before := taken()
	park(n)
	say("bytes", (taken()-before)/float64(n))
}

func main() {
	workloads := map[string]func(){
		"spawnjoin":      spawnJoin,
		"spawn-detached": spawnDetached,
		"yield":          func() { giveTurns(2) },
		"yield1000":      func() { giveTurns(scaled(many)) },
		"hop":            hop,
		"bytes":          parked,
	}
	runtime.GOMAXPROCS(1)
	scale, _ = strconv.Atoi(os.Args[2])
	run, known := workloads[os.Args[1]]
	if !known {
		os.Exit(notRun)
	}
	run()
}
