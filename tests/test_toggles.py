from sim.measure.toggles import toggles

SAIF = """// made up
(SAIFILE
(SAIFVERSION "2.0")
(DURATION 9)
(INSTANCE TOP
 (NET
  (rst (T0 9) (T1 0) (TX 0) (TC 0))
 )
 (INSTANCE chip
  (NET
   (go (T0 4) (T1 5) (TX 0) (TC 3))
  )
  (INSTANCE array
   (NET
    (a\\[0\\] (T0 4) (T1 5) (TX 0) (TC 10))
   )
   (INSTANCE pe0
    (NET
     (b (T0 4) (T1 5) (TX 0) (TC 100))
    )
   )
  )
  (INSTANCE port
   (NET
    (c (T0 4) (T1 5) (TX 0) (TC 1000))
   )
  )
  (NET
   (done (T0 4) (T1 5) (TX 0) (TC 4))
  )
 )
)
)
"""


def test_toggles_are_counted_by_part_of_the_chip(tmp_path):
    path = tmp_path / "made.saif"
    path.write_text(SAIF)
    assert toggles(path) == {"": 7, "array": 110, "port": 1000}
