#ifndef LAYERD_DAEMON_RT_PASSIVE_WAIT_H_
#define LAYERD_DAEMON_RT_PASSIVE_WAIT_H_

namespace layerd {

// Makes OpenMP's threads sleep while they wait for work. By default they spin,
// and a spinning thread takes the core that the loader, gRPC or another team
// needs: on a busy machine with two cores a network took ten times as long.
// They do look for it some 20 us longer, because waking a thread takes as long
// as a small part: without that, two threads took 1.3 to 1.6 times as long.
//
// OpenMP's library reads its environment before main() begins, so this starts
// the program anew, once, with OMP_WAIT_POLICY=passive and GOMP_SPINCOUNT;
// whoever set the first of them keeps what it says. Call it first in main(): it
// returns in the program that is to go on.
void WaitPassively(char** argv);

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_PASSIVE_WAIT_H_
