OPENQASM 3.0;
defcalgrammar "openpulse";
// Phases are told by the rotation they make: +pi/2 is a +Y rotation, RZ(theta) subtracts theta.
// 1 dt is 1/1000000000 s. Inputs are the slots of one row of the table.
input uint[32] shots;
cal {
  extern capture_iq(frame, waveform) -> complex[float[64]];
  extern capture_sum(frame, duration) -> complex[float[64]];
  extern capture_trace(frame, duration) -> waveform;
  extern discriminate(complex[float[64]], float[64], float[64]) -> bit;
  port d0;  // drive, sampled every 1/1000000000 s
  port m0;  // readout, sampled every 1/1000000000 s
  port a0;  // acquire, sampled every 1/1000000000 s
  waveform w0 = {1.0, 1.0, 1.0, 1.0};
  waveform w1 = {1.0, 1.0};
  if (true) {  // once per row of the table: the inputs are that row
    for uint[32] shot in [1:shots] {
      frame q0 = newframe(d0, 5000000000.0, 0.0);
      frame r0 = newframe(m0, 7000000000.0, 0.0);
      frame k0 = newframe(a0, 7000000000.0, 0.0);
      complex[float[64]] reset_iq = 0.0;
      bit reset_2 = 0;  // not returned: bit
      play(r0, scale(0.5, w0));
      delay[1dt] k0;
      reset_iq = capture_sum(k0, 3dt);
      reset_2 = discriminate(reset_iq, 0.25, 1.5);
      delay[8dt] r0;
      barrier q0, r0, k0;
      if (reset_2) {
        shift_phase(q0, 0.5);
        play(q0, scale(1.0, w1));
        shift_phase(q0, -(0.5));
        barrier q0, r0, k0;
      }
    }
  }
}
